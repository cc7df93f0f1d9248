package app

import (
	"fmt"
	"testing"
)

// TestDecodeSignState: what the engine leaves and what the runbook has an operator
// write is taken; everything that leaves something open is not.
func TestDecodeSignState(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		good bool
	}{
		"of a new validator":        {`{"height":"0","round":0,"step":0}`, true},
		"written by hand":           {`{"height":"120","round":0,"step":3}`, true},
		"of a validator":            {`{"height":"7","round":1,"step":2,"signature":"AA==","signbytes":"00"}`, true},
		"with white space":          {"{\n \"height\": \"7\",\n \"round\": 0,\n \"step\": 3\n}\n", true},
		"nothing":                   {``, false},
		"null":                      {`null`, false},
		"empty":                     {`{}`, false},
		"a list":                    {`[]`, false},
		"no height":                 {`{"round":0,"step":3}`, false},
		"no round":                  {`{"height":"7","step":3}`, false},
		"no step":                   {`{"height":"7","round":0}`, false},
		"height null":               {`{"height":null,"round":0,"step":3}`, false},
		"height a number":           {`{"height":7,"round":0,"step":3}`, false},
		"height empty":              {`{"height":"","round":0,"step":3}`, false},
		"height below zero":         {`{"height":"-1","round":0,"step":3}`, false},
		"height too large":          {`{"height":"9223372036854775808","round":0,"step":3}`, false},
		"round below zero":          {`{"height":"7","round":-1,"step":3}`, false},
		"step below zero":           {`{"height":"7","round":0,"step":-1}`, false},
		"step after the last":       {`{"height":"7","round":0,"step":4}`, false},
		"signature alone":           {`{"height":"7","round":0,"step":3,"signature":"AA=="}`, false},
		"what was signed alone":     {`{"height":"7","round":0,"step":3,"signbytes":"00"}`, false},
		"cut off":                   {`{"height":"7","round":0,"step":3`, false},
		"something behind":          {`{"height":"7","round":0,"step":3}{}`, false},
		"something unknown":         {`{"height":"7","round":0,"step":3,"hieght":"8"}`, false},
		"a name in another case":    {`{"Height":"7","round":0,"step":3}`, false},
		"one name in two cases":     {`{"height":"9","Height":"7","round":0,"step":3}`, false},
		"bytes that are no base 64": {`{"height":"7","round":0,"step":3,"signature":"!","signbytes":"00"}`, false},
	} {
		state, err := decodeSignState([]byte(tc.text))
		if (err == nil) != tc.good {
			t.Errorf("%s: %+v, %v", name, state, err)
		}
	}
}

// TestForgottenSignatures: a validator whose own blocks show signatures that its
// record does not know stays off. Records that are younger are as good as the newest.
func TestForgottenSignatures(t *testing.T) {
	sound := stoppedHome(t)
	state, err := sound.validatorState()
	if err != nil {
		t.Fatal(err)
	}
	record := func(height int64) string { return fmt.Sprintf(`{"height":"%d","round":0,"step":3}`, height) }
	for name, tc := range map[string]struct {
		text string
		want error
	}{
		"as it was":        {string(readFile(t, sound.validatorStateFile())), nil},
		"the height alone": {record(state.Height), nil},
		"ten above":        {record(state.Height + 10), nil},
		"empty":            {`{}`, ErrDamagedState},
		"null":             {`null`, ErrDamagedState},
		"a new one":        {`{"height":"0","round":0,"step":0}`, ErrDamagedState},
		"from a backup":    {record(state.Height - 2), ErrDamagedState},
	} {
		t.Run(name, func(t *testing.T) {
			h := copyHome(t, sound)
			replaceFile(t, h.validatorStateFile(), []byte(tc.text))
			if tc.want != nil {
				refuses(t, h, tc.want)
				if found := damaged(t, h); len(found) == 0 {
					t.Error("fsck finds nothing")
				}
				return
			}
			n := openHome(t, h, nil)
			if err := n.close(); err != nil {
				t.Error(err)
			}
		})
	}
	// Without blocks there is nothing to compare with.
	h := copyHome(t, sound)
	if err := Resync(h, true); err != nil {
		t.Fatal(err)
	}
	replaceFile(t, h.validatorStateFile(), []byte(`{"height":"0","round":0,"step":0}`))
	n := openHome(t, h, nil)
	if err := n.close(); err != nil {
		t.Error(err)
	}
}

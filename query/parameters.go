package query

import (
	"bytes"
	"encoding/hex"
	"net/url"
	"strconv"

	"hullmark/printable"
)

// parameters reads those of a question and keeps the first error. What it returns after an
// error means nothing.
type parameters struct {
	values url.Values
	// argument is what the path says beyond its route.
	argument string
	err      error
}

func (p *parameters) fail(name, why string) {
	if p.err == nil {
		p.err = fail("%s: %s", name, why)
	}
}

// number reads a number; a missing one is zero.
func (p *parameters) number(name string) uint64 {
	s := p.values.Get(name)
	if s == "" {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		p.fail(name, "not a number: "+printable.Quote(s))
	}
	return n
}

// required is number of a parameter that must be there.
func (p *parameters) required(name string) uint64 {
	if !p.values.Has(name) {
		p.fail(name, "it is missing")
	}
	return p.number(name)
}

// flag reads a yes; a missing one is no.
func (p *parameters) flag(name string) bool {
	s := p.values.Get(name)
	if s != "" && s != "1" {
		p.fail(name, "write 1 or leave it out, not "+printable.Quote(s))
	}
	return s == "1"
}

// hash reads a SHA-256 digest in the path.
func (p *parameters) hash(name string) [32]byte { return p.decodeHash(name, p.argument) }

// hashes reads any number of SHA-256 digests.
func (p *parameters) hashes(name string) [][32]byte {
	list := p.values[name]
	if len(list) > MaxHeld {
		p.fail(name, strconv.Itoa(len(list))+" of them, at most "+strconv.Itoa(MaxHeld))
		return nil
	}
	var out [][32]byte
	for _, s := range list {
		out = append(out, p.decodeHash(name, s))
	}
	return out
}

func (p *parameters) decodeHash(name, s string) [32]byte {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 32 {
		p.fail(name, "not 64 hex digits: "+printable.Quote(s))
		return [32]byte{}
	}
	return [32]byte(b)
}

// read reads a parameter with a parser of its own.
func read[T any](p *parameters, name string, parse func(string) (T, error)) T {
	v, err := parse(p.values.Get(name))
	if err != nil {
		p.fail(name, err.Error())
	}
	return v
}

func setNumber(values url.Values, name string, n uint64) {
	if n > 0 {
		values.Set(name, strconv.FormatUint(n, 10))
	}
}

func encodeHash(d [32]byte) string { return hex.EncodeToString(d[:]) }

func compareDigests(a, b [32]byte) int { return bytes.Compare(a[:], b[:]) }

// checkNumbers reports numbers that no request can carry.
func checkNumbers(list ...uint64) error {
	for _, n := range list {
		if n > maxNumber {
			return fail("number %d, at most %d", n, uint64(maxNumber))
		}
	}
	return nil
}

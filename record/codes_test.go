package record_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"hullmark/record"
)

// declaredCodes returns the constants of type Code as codes.go declares them.
func declaredCodes(t *testing.T) []record.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []record.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); !ok || typ.Name != "Code" {
			return true
		}
		literal, ok := spec.Values[0].(*ast.BasicLit)
		if !ok {
			t.Fatalf("%s is not a plain number", spec.Names[0])
		}
		n64, err := strconv.ParseUint(literal.Value, 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, record.Code(n64))
		return true
	})
	if len(codes) < 29 {
		t.Fatalf("found %d codes only", len(codes))
	}
	return codes
}

func TestCodes(t *testing.T) {
	name := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	names, meanings, numbers := map[string]record.Code{}, map[string]record.Code{}, map[record.Code]bool{}
	for _, c := range declaredCodes(t) {
		if c == 0 || numbers[c] {
			t.Errorf("code %d is zero or not unique", c)
		}
		numbers[c] = true
		if !name.MatchString(c.Name()) {
			t.Errorf("code %d has name %q", c, c.Name())
		}
		if other, ok := names[c.Name()]; ok {
			t.Errorf("codes %d and %d are both named %q", c, other, c.Name())
		}
		names[c.Name()] = c
		if other, ok := meanings[c.Error()]; ok {
			t.Errorf("codes %d and %d both mean %q", c, other, c.Error())
		}
		meanings[c.Error()] = c
	}
	if got := record.Code(4711).Name(); got != "code-4711" {
		t.Errorf("unknown code is named %q", got)
	}
	if got := record.Code(4711).Error(); !strings.Contains(got, "upgrade") {
		t.Errorf("unknown code means %q", got)
	}
}

func TestRejection(t *testing.T) {
	for _, c := range declaredCodes(t) {
		r := record.Reject(c, "file %d", 3)
		wrapped := fmt.Errorf("couldn't publish: %w", r)
		for _, err := range []error{c, r, wrapped} {
			if !errors.Is(err, c) {
				t.Errorf("%v is not code %d", err, c)
			}
			if errors.Is(err, c+1) {
				t.Errorf("%v is also code %d", err, c+1)
			}
			if got, ok := record.CodeOf(err); !ok || got != c {
				t.Errorf("code of %v is %d, %v", err, got, ok)
			}
		}
		if want := c.Error() + ": file 3"; r.Error() != want {
			t.Errorf("%q, want %q", r.Error(), want)
		}
		if got := (&record.Rejection{Code: c}).Error(); got != c.Error() {
			t.Errorf("without detail %q, want %q", got, c.Error())
		}
	}
	for _, err := range []error{nil, errors.New("disk full"), record.ErrEncoding} {
		if c, ok := record.CodeOf(err); ok {
			t.Errorf("%v has code %d", err, c)
		}
	}
}

// TestReadRejection takes a rejection through its text and back.
func TestReadRejection(t *testing.T) {
	for _, r := range []*record.Rejection{
		{Code: record.CodeStaleScope},
		{Code: record.CodeStaleScope, Detail: "version 3, the ledger has 3"},
		{Code: record.Code(9999), Detail: "something new"},
	} {
		if got := record.ReadRejection(r.Code, r.Error()); *got != *r {
			t.Errorf("ReadRejection(%d, %q) = %+v, want %+v", r.Code, r.Error(), got, r)
		}
	}
	if got := record.ReadRejection(record.CodeQuota, "other words"); got.Detail != "other words" {
		t.Errorf("foreign text became %q", got.Detail)
	}
}

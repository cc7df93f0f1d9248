package printable_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"hullmark/printable"
)

func TestLine(t *testing.T) {
	for _, tc := range []struct{ name, text, line, whole string }{
		{"plain", "a b: c", "a b: c", "a b: c"},
		{"other scripts", "é 漢字 عربي 🙂", "é 漢字 عربي 🙂", "é 漢字 عربي 🙂"},
		{"lines", "a\nb\r\nc\td", "a b c d", "a\nb\\r\nc\td"},
		{"title of the terminal", "a\x1b]0;b\x07c", `a\x1b]0;b\ac`, `a\x1b]0;b\ac`},
		{"carriage return", "good\rbad", `good\rbad`, `good\rbad`},
		{"backspace, nothing, delete", "a\bb\x00c\x7fd", `a\bb\x00c\x7fd`, `a\bb\x00c\x7fd`},
		{"C1", "a\u0080b\u0085c\u009b2Jd\u009f", `a\u0080b\u0085c\u009b2Jd\u009f`, `a\u0080b\u0085c\u009b2Jd\u009f`},
		{"C1 as a byte", "a\x9bb", `a\x9bb`, `a\x9bb`},
		{"bidirectional overrides", "a\u202db\u202ec\u202cd\u202a\u202b", `a\u202db\u202ec\u202cd\u202a\u202b`, `a\u202db\u202ec\u202cd\u202a\u202b`},
		{"isolates", "a\u2066b\u2067c\u2068d\u2069", `a\u2066b\u2067c\u2068d\u2069`, `a\u2066b\u2067c\u2068d\u2069`},
		{"marks", "a\u200eb\u200fc\u061cd", `a\u200eb\u200fc\u061cd`, `a\u200eb\u200fc\u061cd`},
		{"no width", "a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg", `a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg`, `a\u200bb\u200cc\u200dd\ufeffe\u2060f\u00adg`},
		{"separators", "a\u2028b\u2029c", `a\u2028b\u2029c`, `a\u2028b\u2029c`},
		{"spaces that are none", "a\u00a0b\u3000c", `a\u00a0b\u3000c`, `a\u00a0b\u3000c`},
		{"tags and private use", "a\U000e0041b\ue000c", `a\U000e0041b\ue000c`, `a\U000e0041b\ue000c`},
		{"letters of no width", "a\u115fb\u1160c\u3164d\uffa0e\u17b4f\u17b5", `a\u115fb\u1160c\u3164d\uffa0e\u17b4f\u17b5`, `a\u115fb\u1160c\u3164d\uffa0e\u17b4f\u17b5`},
		{"joiner", "a\u034fb", `a\u034fb`, `a\u034fb`},
		{"selectors", "a\ufe00b\ufe0fc\U000e0100d\u180be\u180f", `a\ufe00b\ufe0fc\U000e0100d\u180be\u180f`, `a\ufe00b\ufe0fc\U000e0100d\u180be\u180f`},
		{"blank symbols", "a\u2800b\U0001d159c\U00013441d\U00013442e\U00016fe4f", `a\u2800b\U0001d159c\U00013441d\U00013442e\U00016fe4f`, `a\u2800b\U0001d159c\U00013441d\U00013442e\U00016fe4f`},
		{"neighbours of blanks", "\u115e\u1161\u3163\u3165\u2801\ufe10\u034e\u0350\U0001d158", "\u115e\u1161\u3163\u3165\u2801\ufe10\u034e\u0350\U0001d158", "\u115e\u1161\u3163\u3165\u2801\ufe10\u034e\u0350\U0001d158"},
		{"accent", "e\u0301a\u0300", "e\u0301a\u0300", "e\u0301a\u0300"},
		{"not UTF-8", "a\xff\xc3b\xed\xa0\x80", `a\xff\xc3b\xed\xa0\x80`, `a\xff\xc3b\xed\xa0\x80`},
		{"the replacement character itself", "a\ufffdb", "a\ufffdb", "a\ufffdb"},
		{"empty", "", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := printable.Line(tc.text); got != tc.line {
				t.Errorf("line %q, want %q", got, tc.line)
			}
			if got := printable.Text(tc.text); got != tc.whole {
				t.Errorf("text %q, want %q", got, tc.whole)
			}
			var b bytes.Buffer
			if n, err := printable.Writer(&b).Write([]byte(tc.text)); n != len(tc.text) || err != nil || b.String() != tc.whole {
				t.Errorf("wrote %q, %d, %v", &b, n, err)
			}
			checkJSON(t, tc.text)
		})
	}
}

// checkJSON: an object with the text means the same when filtered, and is printable.
func checkJSON(t *testing.T, text string) {
	t.Helper()
	var raw bytes.Buffer
	e := json.NewEncoder(&raw)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	if err := e.Encode(map[string]string{text: text}); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := printable.JSONWriter(&b).Write(raw.Bytes()); err != nil {
		t.Fatal(err)
	}
	for _, r := range b.String() {
		if !shows(r) && r != '\n' && r != '\t' {
			t.Errorf("%q is left in %q", r, &b)
		}
	}
	var before, after map[string]string
	if err := errors.Join(json.Unmarshal(raw.Bytes(), &before), json.Unmarshal(b.Bytes(), &after)); err != nil {
		t.Fatal(err)
	}
	for k, v := range before {
		if after[k] != v {
			t.Errorf("%q became %q", v, after[k])
		}
	}
}

func TestJSONOfBadBytes(t *testing.T) {
	if got := printable.JSON([]byte("\"a\x9bb\xff\"")); string(got) != `"a\ufffdb\ufffd"` {
		t.Errorf("%s", got)
	}
}

// shows reports whether a character may be left.
func shows(r rune) bool {
	return strconv.IsPrint(r) && !strings.ContainsRune("\u2800\U00013441\U00013442\U00016fe4\U0001d159", r) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

func FuzzText(f *testing.F) {
	f.Add("a\u202eb\x1b[2J")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range printable.Line(text) {
			if !shows(r) {
				t.Fatalf("%q is left", r)
			}
		}
		for _, r := range printable.Text(text) {
			if !shows(r) && r != '\n' && r != '\t' {
				t.Fatalf("%q is left", r)
			}
		}
		for _, r := range printable.Clip(text, 5) + printable.Quote(text) {
			if !shows(r) {
				t.Fatalf("%q is left", r)
			}
		}
		if back, err := strconv.Unquote(strings.TrimSuffix(printable.Quote(text), "...")); err != nil || !strings.HasPrefix(text, back) {
			t.Fatalf("%s says %q, %v", printable.Quote(text), back, err)
		}
		if utf8.ValidString(text) && strings.IndexFunc(text, func(r rune) bool { return !shows(r) }) < 0 && printable.Line(text) != text {
			t.Fatalf("%q became %q", text, printable.Line(text))
		}
		checkJSON(t, text)
	})
}

func TestClip(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, tc := range []struct{ name, text, clipped, quoted string }{
		{"plain", "a b: c", "a b: c", `"a b: c"`},
		{"empty", "", "", `""`},
		{"just short enough", long[:10], long[:10], `"` + long[:10] + `"`},
		{"too long", long, long[:10] + "...", `"` + long[:100] + `"...`},
		{"quotation mark and backslash", `a"b\c`, `a"b\c`, `"a\"b\\c"`},
		{"lines", "a\nb\tc", "a b c", `"a\nb\tc"`},
		{"title of the terminal", "a\x1b]0;b\x07c", `a\x1b]0;b\ac`, `"a\x1b]0;b\ac"`},
		{"C1", "a\u009b2J", `a\u009b2J`, `"a\u009b2J"`},
		{"C1 as a byte", "a\x9bb", `a\x9bb`, `"a\x9bb"`},
		{"bidirectional override", "a\u202eb", `a\u202eb`, `"a\u202eb"`},
		{"isolate", "a\u2067b\u2069", `a\u2067b\u2069`, `"a\u2067b\u2069"`},
		{"letter of no width", "a\u115fb", `a\u115fb`, `"a\u115fb"`},
		{"cut before a character of three bytes", "12345678漢字", "12345678...", `"12345678漢字"`},
		{"cut behind a character of three bytes", "1234567漢字", "1234567漢...", `"1234567漢字"`},
		{"cut in bytes that are no characters", strings.Repeat("\x9b", 12), strings.Repeat(`\x9b`, 7) + "...", `"` + strings.Repeat(`\x9b`, 12) + `"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := printable.Clip(tc.text, 10); got != tc.clipped {
				t.Errorf("clipped %q, want %q", got, tc.clipped)
			}
			got := printable.Quote(tc.text)
			if got != tc.quoted {
				t.Errorf("quoted %s, want %s", got, tc.quoted)
			}
			if back, err := strconv.Unquote(strings.TrimSuffix(got, "...")); err != nil || !strings.HasPrefix(tc.text, back) {
				t.Errorf("%s says %q, %v", got, back, err)
			}
		})
	}
	if got := printable.Clip("ab", 0); got != "..." {
		t.Errorf("nothing of it: %q", got)
	}
}

// Package printable makes text from elsewhere safe to show. What a node, a registry or
// a file says can hold characters that a terminal obeys, that turn the order of what is
// read, or that nobody sees. They are shown as escapes instead: control characters of
// either set, bidirectional marks, overrides and isolates, characters without a width,
// line and paragraph separators, unassigned and private ones, and bytes that are no
// UTF-8. What stays is what strconv.IsPrint lets stand, but for letters, marks and
// symbols that show nothing, and for variation selectors.
package printable

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Line returns text on one line: newlines and tabs become spaces, whatever else is not
// printable an escape as in a Go string.
func Line(text string) string {
	return escape(strings.NewReplacer("\r\n", " ", "\n", " ", "\t", " ").Replace(text), "")
}

// Text returns text of several lines: newlines and tabs stay, whatever else is not
// printable becomes an escape as in a Go string.
func Text(text string) string { return escape(text, "\n\t") }

// Clip returns a piece of text on one line as Line does, of at most limit bytes of it:
// what strangers wrote may be of any length. What is cut off leaves three dots.
func Clip(text string, limit int) string {
	head, dots := cut(text, limit)
	return Line(head) + dots
}

// maxQuoted is how much of a text Quote shows, in bytes. It holds every name that is valid,
// and what shows somebody his mistake.
const maxQuoted = 100

// Quote returns a piece of text in quotation marks, with escapes as in a Go string: how an
// error names what it refuses. What is longer than 100 bytes is cut off, which leaves three
// dots behind the quotation marks.
func Quote(text string) string {
	head, dots := cut(text, maxQuoted)
	return escape(strconv.Quote(head), "") + dots
}

// cut returns the first bytes of text, whole characters and at most limit bytes, and three
// dots if that is not all.
func cut(text string, limit int) (head, dots string) {
	if len(text) <= limit {
		return text, ""
	}
	end := limit
	// Bytes that are no UTF-8 are characters of their own, so that this goes back three at most.
	for end > max(0, limit-utf8.UTFMax+1) && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end], "..."
}

// isPrint reports whether a character shows something. Some that Unicode counts among the
// letters, marks and symbols do not: fillers of scripts, and what only joins or selects a
// form of others.
func isPrint(r rune) bool {
	switch r {
	case
		'\u2800',     // braille pattern blank
		'\U00013441', // Egyptian hieroglyph full blank
		'\U00013442', // Egyptian hieroglyph half blank
		'\U00016fe4', // Khitan small script filler
		'\U0001d159': // musical symbol null notehead
		return false
	}
	return strconv.IsPrint(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// escape replaces what is not printable, but for the characters to keep.
func escape(text, keep string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		part := text[i : i+size]
		i += size
		switch {
		case r == utf8.RuneError && size == 1:
			_, _ = fmt.Fprintf(&b, `\x%02x`, part[0])
		case isPrint(r) || strings.ContainsRune(keep, r):
			b.WriteString(part)
		default:
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
	}
	return b.String()
}

// JSON returns JSON text that means the same and holds nothing that is not printable.
// Its encoder must have escaped the control characters below U+0020 in strings, as all
// do; white space between the values stays.
func JSON(text []byte) []byte {
	var out []byte
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		part := text[i : i+size]
		i += size
		switch {
		case r < utf8.RuneSelf && r != 0x7f || isPrint(r) && (r != utf8.RuneError || size > 1):
			out = append(out, part...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}

// Writer returns a writer that passes text on as Text does: a net below programs whose
// output is text alone. Each call must hold whole characters.
func Writer(w io.Writer) io.Writer {
	return writer{w, func(b []byte) []byte { return []byte(Text(string(b))) }}
}

// JSONWriter returns a writer that passes lines of JSON on as JSON does.
func JSONWriter(w io.Writer) io.Writer { return writer{w, JSON} }

type writer struct {
	w      io.Writer
	filter func([]byte) []byte
}

// Write implements io.Writer.
func (w writer) Write(b []byte) (int, error) {
	if _, err := w.w.Write(w.filter(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

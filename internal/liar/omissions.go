package liar

import (
	"bytes"
	"net/http"
	"slices"

	cmtproto "github.com/cometbft/cometbft/proto/tendermint/types"

	"hullmark/proto"
	"hullmark/query"
)

// Lies about how much there is: parts left out, as if the rest were all, and parts more
// than once or larger than any honest node sends them.

// CutTargets leaves out the targets files but the first n, however often the client asks
// for the rest: a role whose file is missing lists nothing.
func CutTargets(n int) Lie {
	return Bundle(func(b *proto.Bundle) { b.Targets = b.GetTargets()[:min(n, len(b.GetTargets()))] })
}

// CutRoots leaves out the root files but the first n, and that there are more.
func CutRoots(n int) Lie {
	return Bundle(func(b *proto.Bundle) { b.Roots, b.LastRoot = b.GetRoots()[:min(n, len(b.GetRoots()))], nil })
}

// EndHistory ends a history after its newest n records: what a client asks for behind
// them is answered as if nothing had been before.
func EndHistory(n int) Lie {
	return func(w http.ResponseWriter, r *http.Request, honest Ask) {
		History(func(a *proto.HistoryAnswer) {
			if r.URL.Query().Has("before") {
				a.Entries = nil
				return
			}
			a.Entries = a.GetEntries()[:min(n, len(a.GetEntries()))]
		})(w, r, honest)
	}
}

// JunkCommit makes up the signatures of the newest block, whose header is true: a client
// that knows the header has nothing to learn from them, and must not believe or keep them.
func JunkCommit() Lie {
	return func(w http.ResponseWriter, r *http.Request, honest Ask) {
		if r.URL.Path == query.PathLightBlock {
			LightBlock(func(m *proto.LightBlockResponse) { m.LightBlock = junkCommit(m.GetLightBlock()) })(w, r, honest)
			return
		}
		Bundle(func(b *proto.Bundle) { b.State.LightBlock = junkCommit(b.GetState().GetLightBlock()) })(w, r, honest)
	}
}

// junkCommit returns a light block with a flipped bit in each signature of its commit.
// What is no light block stays as it is.
func junkCommit(block []byte) []byte {
	var lb cmtproto.LightBlock
	if lb.Unmarshal(block) != nil || lb.GetSignedHeader().GetCommit() == nil {
		return block
	}
	for i := range lb.SignedHeader.Commit.Signatures {
		if s := lb.SignedHeader.Commit.Signatures[i].Signature; len(s) > 0 {
			s[0] ^= 1
		}
	}
	junk, err := lb.Marshal()
	if err != nil {
		return block
	}
	return junk
}

// Twice sends each root file, targets file and statement of a bundle twice.
func Twice() Lie {
	return Bundle(func(b *proto.Bundle) {
		b.Roots = append(b.GetRoots(), b.GetRoots()...)
		b.Targets = append(b.GetTargets(), b.GetTargets()...)
		b.Statements = append(b.GetStatements(), b.GetStatements()...)
	})
}

// Fill repeats the first root file until there are n. Without any, empty ones are sent.
func Fill(n int) Lie {
	return Bundle(func(b *proto.Bundle) {
		var first []byte
		if len(b.GetRoots()) > 0 {
			first = b.GetRoots()[0]
		}
		for len(b.GetRoots()) < n {
			b.Roots = append(b.Roots, first)
		}
	})
}

// Grow appends n bytes to the proof of the repository's value.
func Grow(n int) Lie {
	return Bundle(func(b *proto.Bundle) {
		if b.GetRepository() != nil {
			b.Repository.Proof = append(b.Repository.Proof, make([]byte, n)...)
		}
	})
}

// Unasked fills fields that the question has no use for, such as the values of another
// tag and of an image in an answer about a repository.
func Unasked() Lie {
	return Bundle(func(b *proto.Bundle) {
		for _, entry := range []**proto.MapEntry{&b.Tag, &b.Image, &b.LastRoot} {
			if *entry == nil {
				*entry = &proto.MapEntry{Value: []byte("unasked"), Proof: []byte("unasked")}
			}
		}
	})
}

// RepeatField writes the first field of a JSON object twice: readers that take the first
// and those that take the last could differ.
func RepeatField() Lie {
	return Edit(func(a *Answer) {
		rest, ok := bytes.CutPrefix(a.Body, []byte("{"))
		end := bytes.IndexByte(rest, ',')
		if ok && end >= 0 {
			a.Body = slices.Concat([]byte("{"), rest[:end+1], rest)
		}
	})
}

package liar

import (
	"net/http"
	"net/url"

	protobuf "google.golang.org/protobuf/proto"

	"hullmark/proto"
	"hullmark/query"
)

// edit changes honest answers that carry a message of type M. Answers that carry
// none, such as errors, pass unchanged.
func edit[M protobuf.Message](empty func() M, change func(M)) Lie {
	return Edit(func(a *Answer) {
		m := empty()
		if a.Status != http.StatusOK || proto.UnmarshalJSON(a.Body, m) != nil {
			return
		}
		change(m)
		if b, err := proto.MarshalJSON(m); err == nil {
			a.Body = b
		}
	})
}

// Bundle changes the bundles in answers.
func Bundle(change func(*proto.Bundle)) Lie {
	return edit(func() *proto.Bundle { return new(proto.Bundle) }, change)
}

// LightBlock changes the light blocks in answers.
func LightBlock(change func(*proto.LightBlockResponse)) Lie {
	return edit(func() *proto.LightBlockResponse { return new(proto.LightBlockResponse) }, change)
}

// Receipt changes the receipts of transactions.
func Receipt(change func(*proto.TransactionResponse)) Lie {
	return edit(func() *proto.TransactionResponse { return new(proto.TransactionResponse) }, change)
}

// History changes the pages of histories.
func History(change func(*proto.HistoryAnswer)) Lie {
	return edit(func() *proto.HistoryAnswer { return new(proto.HistoryAnswer) }, change)
}

// LogReceipt changes the answers about what a transaction added to the log.
func LogReceipt(change func(*proto.ReceiptAnswer)) Lie {
	return edit(func() *proto.ReceiptAnswer { return new(proto.ReceiptAnswer) }, change)
}

// Inclusion changes the answers about log records.
func Inclusion(change func(*proto.InclusionAnswer)) Lie {
	return edit(func() *proto.InclusionAnswer { return new(proto.InclusionAnswer) }, change)
}

// Consistency changes the answers about the growth of the log.
func Consistency(change func(*proto.ConsistencyAnswer)) Lie {
	return edit(func() *proto.ConsistencyAnswer { return new(proto.ConsistencyAnswer) }, change)
}

// Image changes the answers about who vouches for an image.
func Image(change func(*proto.ImageAnswer)) Lie {
	return edit(func() *proto.ImageAnswer { return new(proto.ImageAnswer) }, change)
}

// CutIntermediate leaves out the light blocks that lead to the answer, but the first n.
func CutIntermediate(n int) Lie {
	return Bundle(func(b *proto.Bundle) {
		b.State.IntermediateBlocks = b.GetState().GetIntermediateBlocks()[:min(n, len(b.GetState().GetIntermediateBlocks()))]
	})
}

// Refuse answers with an error of the ledger.
func Refuse(name string, code uint32) Lie {
	return answerError(http.StatusUnprocessableEntity, name, code)
}

// Fail answers with an error of the node, as nodes write them.
func Fail(status int, name string) Lie { return answerError(status, name, 0) }

func answerError(status int, name string, ledger uint32) Lie {
	return func(w http.ResponseWriter, _ *http.Request, _ Ask) {
		b, err := proto.MarshalJSON(&proto.ErrorResponse{Code: name, Message: name, LedgerCode: ledger})
		Write(w, &Answer{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: b}, err)
	}
}

// Graft puts parts of the bundle that answers another question into the one that
// was asked for. Both are true; together they are not.
func Graft(parameters url.Values, move func(into, from *proto.Bundle)) Lie {
	return func(w http.ResponseWriter, r *http.Request, honest Ask) {
		// The grafts come from another request, but belong to the same state as far
		// as the node can help it.
		from := new(proto.Bundle)
		a, err := honest(other(r, parameters))
		if err != nil || a.Status != http.StatusOK || proto.UnmarshalJSON(a.Body, from) != nil {
			Write(w, a, err)
			return
		}
		Bundle(func(into *proto.Bundle) { move(into, from) })(w, r, honest)
	}
}

// Part is a part of a bundle that a lie can change.
type Part struct {
	Name string
	// At returns the bytes of the part, nil when the bundle has none.
	At func(b *proto.Bundle) []byte
}

// Parts lists every part of a bundle that holds bytes.
func Parts() []Part {
	first := func(list [][]byte) []byte {
		if len(list) == 0 {
			return nil
		}
		return list[0]
	}
	return []Part{
		{"light block", func(b *proto.Bundle) []byte { return b.GetState().GetLightBlock() }},
		{"log root", func(b *proto.Bundle) []byte { return b.GetState().GetAppState().GetLogRoot() }},
		{"map root", func(b *proto.Bundle) []byte { return b.GetState().GetAppState().GetMapRoot() }},
		{"meta", func(b *proto.Bundle) []byte { return b.GetState().GetAppState().GetMeta() }},
		{"repository value", func(b *proto.Bundle) []byte { return b.GetRepository().GetValue() }},
		{"repository proof", func(b *proto.Bundle) []byte { return b.GetRepository().GetProof() }},
		{"tag value", func(b *proto.Bundle) []byte { return b.GetTag().GetValue() }},
		{"tag proof", func(b *proto.Bundle) []byte { return b.GetTag().GetProof() }},
		{"image value", func(b *proto.Bundle) []byte { return b.GetImage().GetValue() }},
		{"image proof", func(b *proto.Bundle) []byte { return b.GetImage().GetProof() }},
		{"root", func(b *proto.Bundle) []byte { return first(b.GetRoots()) }},
		{"targets", func(b *proto.Bundle) []byte { return first(b.GetTargets()) }},
	}
}

// flipAt bounds where Flip changes a part. A light block begins with its header,
// of which nothing may change; not every signature behind it is needed.
const flipAt = 200

// Flip flips a bit of a part.
func Flip(p Part) Lie {
	return Bundle(func(b *proto.Bundle) {
		if part := p.At(b); len(part) > 0 {
			part[min(len(part)/2, flipAt)] ^= 1
		}
	})
}

// DropRoots leaves out the root files.
func DropRoots() Lie { return Bundle(func(b *proto.Bundle) { b.Roots = nil }) }

// DropTargets leaves out the targets files.
func DropTargets() Lie { return Bundle(func(b *proto.Bundle) { b.Targets = nil }) }

// Statements puts other statements, or none, in the place of those of the answer.
func Statements(list ...[]byte) Lie { return Bundle(func(b *proto.Bundle) { b.Statements = list }) }

// OldHeader proves the newest state by a header that is some blocks older, or by
// the first one.
func OldHeader(blocks uint64) Lie {
	return func(w http.ResponseWriter, r *http.Request, honest Ask) {
		newest, err := lightBlock(r, honest, 0)
		if err != nil {
			Write(w, nil, err)
			return
		}
		height := uint64(1)
		if newest.GetHeight() > blocks {
			height = newest.GetHeight() - blocks
		}
		old, err := lightBlock(r, honest, height)
		if err != nil {
			Write(w, nil, err)
			return
		}
		Bundle(func(b *proto.Bundle) { b.State.LightBlock = old.GetLightBlock() })(w, r, honest)
	}
}

// lightBlock asks the honest node for a light block, zero for the newest.
func lightBlock(r *http.Request, honest Ask, height uint64) (*proto.LightBlockResponse, error) {
	q := r.Clone(r.Context())
	path, values := query.Encode(query.LightBlock{Height: height}, query.Known{})
	q.URL.Path, q.URL.RawQuery = path, values.Encode()
	a, err := honest(q)
	if err != nil {
		return nil, err
	}
	m := new(proto.LightBlockResponse)
	if err := proto.UnmarshalJSON(a.Body, m); err != nil {
		return nil, err
	}
	return m, nil
}

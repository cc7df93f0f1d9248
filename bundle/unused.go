package bundle

// part names what an answer may have besides its state and the repository's entry.
type part string

const (
	partTag       part = "a tag"
	partImage     part = "an image"
	partFiles     part = "the publisher's files"
	partStatement part = "a statement"
)

// refuseUnused refuses parts that the answer to this question has no use for: a reader
// that ignored them would let a node say things that nobody checks (docs/spec.md,
// "Bundle"). The publisher's files are not looked at when the ledger's word is enough,
// so that one bundle serves both assurances.
func (v *verification) refuseUnused(parts ...part) error {
	b := v.bundle
	for _, p := range parts {
		there := false
		switch p {
		case partTag:
			there = b.GetTag() != nil
		case partImage:
			there = b.GetImage() != nil
		case partFiles:
			there = len(b.GetRoots())+len(b.GetTargets()) > 0 || b.GetLastRoot() != nil
		case partStatement:
			there = len(b.GetStatements()) > 0 || len(b.GetStatementRoot()) > 0
		}
		if there {
			return fail(ErrMalformed, "%s that the answer has no use for", p)
		}
	}
	return nil
}

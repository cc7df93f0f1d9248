package ledger

import (
	"hullmark/record"
	"hullmark/reference"
	"hullmark/tuf"
)

// A unit of work is unitTime nanoseconds of one core, as measured on the machine of
// docs/benchmarks. All that follows is in nanoseconds and known before the content is
// looked at: from the header, the sizes in the state, and the numbers of things in the
// body. docs/spec.md, "Work", has the same numbers, which are a rule of the ledger;
// BenchmarkWork compares them with what they stand for.
const (
	unitTime = 50_000

	// envelopeTime covers decoding and the submitter's signature.
	envelopeTime = 100_000
	// repositoryTime covers the value of a repository and its log record.
	repositoryTime = 250_000
	// byteTime is for a byte of a transaction: hashed, decoded and parsed.
	byteTime = 40
	// rootFileTime is for a root file that a transaction brings.
	rootFileTime = 150_000
	// rootByteTime is for a byte of a root or of delegations that a transaction brings,
	// on top of that: most of them can be keys, each of which is checked.
	rootByteTime = 140
	// delegationByteTime is for a byte of stored roots and delegations, likewise.
	delegationByteTime = 60
	// storedByteTime is for a byte of the stored file that another one follows.
	storedByteTime = 1
	// fileByteTime is for a byte of a new file: copied, hashed twice and written, one
	// unit for each 4 KiB. Most of it stands for the disk.
	fileByteTime = 12
	// signatureTime and signedByteTime are for each signature and for each byte that it
	// covers, longSignatureTime for one of more than 256 bytes: verifying one by an RSA
	// key of 4,096 bits takes six times as long as any other.
	signatureTime     = 80_000
	longSignatureTime = 350_000
	signedByteTime    = 2
	// rowTime is for a row that changes: the values of a tag, a voucher and an image,
	// read and written in a map of a million values.
	rowTime = 300_000
	// digestTime is for a digest of a statement: the value of a voucher.
	digestTime = 120_000
	// patternTime is for a comparison of a tag with a pattern.
	patternTime = 200

	// maxBlockFiles bounds the bytes of files that a block makes every node write.
	maxBlockFiles = 16 << 20

	// maxGrowth is how much more a row or signature can take in a file than in a delta.
	maxGrowth = 3

	// minPatternSize is what the shortest pattern takes in a file, with its comma.
	minPatternSize = len(`"*",`)

	// minFileSize and minRowSize are what the shortest targets file takes without rows,
	// and the shortest row.
	minFileSize = 400
	minRowSize  = len(`"a":{"hashes":{"sha256":""},"length":1},`) + 64
)

// cost is what transactions count against the bounds of a block.
type cost struct {
	work  uint64 // units
	files uint64 // bytes of new files
}

func (c cost) plus(d cost) cost { return cost{c.work + d.work, c.files + d.files} }

// costOf returns the cost of a transaction about repositories, as the state has them.
func costOf(env *record.Envelope, subjects []*subject) cost {
	n := envelopeTime + byteTime*env.Size()
	var files int
	if k, ok := kindOf(env.Header.Kind); ok {
		var t int
		t, files = k.work(env.Body, subjects)
		n += t
	}
	n += fileByteTime * files
	return cost{work: uint64(n+unitTime-1) / unitTime, files: uint64(files)}
}

// publishTime is the time for the files of one repository, and their size at most.
func publishTime(s *subject, u updateCounts) (n, files int) {
	root, _ := s.stored.Role(record.RoleRoot)
	n += delegationByteTime * int(root.FileSize)
	for _, root := range u.roots {
		n += rootTime(root)
		files += len(root)
	}
	carried := pair(s.scopes, u.roles)
	reach := reachOf(s, carried)
	for _, c := range carried {
		t, b := roleTime(s, c, reach)
		n, files = n+t, files+b
	}
	return n, files
}

// carriedRole is a role whose file or delta an update carries.
type carriedRole struct {
	name string
	roleCounts
}

// pair gives each role update the scope that it belongs to. What has none is refused as
// soon as the content is looked at.
func pair(scopes []record.Scope, updates []roleCounts) []carriedRole {
	var out []carriedRole
	for _, c := range updates {
		if len(scopes) > 0 && scopes[0].Role == record.RoleRoot {
			scopes = scopes[1:]
		}
		if len(scopes) == 0 {
			break
		}
		out = append(out, carriedRole{scopes[0].Role, c})
		scopes = scopes[1:]
	}
	return out
}

// newReach is what files that delegate can make of the reach of any role: it may enter
// below one of them, move there, or find its stored tags to be covered no more.
type newReach struct {
	delegates bool
	// patterns is with how many more a tag of a role is compared at most.
	patterns int
}

func reachOf(s *subject, carried []carriedRole) newReach {
	var out newReach
	above := 0
	for _, c := range carried {
		if c.delegations > 0 {
			out.delegates = true
			out.patterns += min(record.MaxPatterns, c.delegations/minPatternSize)
			above = max(above, s.stored.Lineage(c.name).Patterns)
		}
	}
	out.patterns += above
	return out
}

// rootTime is the time for one root file.
func rootTime(file []byte) int {
	return rootFileTime + rootByteTime*len(file) + countSignatures(file).time(len(file))
}

// storedRows returns how many rows a file of a size has at most.
func storedRows(size int) int { return max(0, size-minFileSize) / minRowSize }

// roleTime is the time for one role file, and its size at most.
func roleTime(s *subject, c carriedRole, reach newReach) (n, size int) {
	state, _ := s.stored.Role(c.name) // nothing is known of a role that enters
	old := int(state.FileSize)
	size = min(old+maxGrowth*c.size, tuf.MaxTargetsSize)
	changes := c.put + c.remove
	if c.whole {
		size, changes = c.size, c.rows+storedRows(old)
	}
	changes = min(changes, record.MaxChanges)
	n += storedByteTime*old + c.signatures.time(size) + rowTime*changes
	n += delegationByteTime*int(state.DelegationsSize) + rootByteTime*c.delegations
	if c.name == record.RoleTargets {
		return n, size
	}
	lineage := s.stored.Lineage(c.name)
	rows, patterns := changes, lineage.Patterns
	if state.Narrowed || reach.delegates {
		rows = max(rows, storedRows(size))
	}
	if reach.delegates {
		patterns += reach.patterns
	}
	n += patternTime*rows*patterns + delegationByteTime*lineage.DelegationsSize
	return n, size
}

// takeWork counts the work of the transaction and refuses it when the block has no
// room for it.
func (t *transaction) takeWork() error {
	t.cost = costOf(t.env, t.subjects)
	t.outcome.Work = t.cost.work
	spent := t.spent
	if t.pending {
		spent = cost{}
	}
	return checkRoom(t.params, spent.plus(t.cost))
}

// CheckWork sums the work of transactions by the state as it is, without looking
// at any content, and refuses them (*record.Rejection) if a block can't hold them.
// It never counts more than they will be charged in their order: of a repository
// that one before is about, nothing is known.
func (s *State) CheckWork(envs []*record.Envelope) error {
	var sum cost
	seen := make(map[reference.Repository]bool)
	for _, env := range envs {
		t := s.transaction(env, nil, nil)
		for _, c := range env.Header.Scopes {
			if n := len(t.subjects); n > 0 && t.subjects[n-1].name == c.Repository {
				t.subjects[n-1].scopes = append(t.subjects[n-1].scopes, c)
				continue
			}
			known := &subject{name: c.Repository, stored: new(record.StoredRepository), scopes: []record.Scope{c}}
			if !c.Repository.IsZero() && !seen[c.Repository] {
				stored, ok, err := load(s, record.RepositoryKey(c.Repository), record.OpenRepository)
				if err != nil {
					return err
				}
				if ok {
					known.stored = stored
				}
			}
			t.subjects = append(t.subjects, known)
		}
		for _, known := range t.subjects {
			seen[known.name] = true
		}
		if sum = sum.plus(costOf(env, t.subjects)); checkRoom(s.params, sum) != nil {
			break
		}
	}
	return checkRoom(s.params, sum)
}

// checkRoom refuses what is more than a block may hold.
func checkRoom(p *record.Params, c cost) error {
	if c.work > p.MaxBlockWork {
		return record.Reject(record.CodeWork, "%d units with what is before it in the block, which may have %d", c.work, p.MaxBlockWork)
	}
	if c.files > maxBlockFiles {
		return record.Reject(record.CodeWork, "%d bytes of files with what is before it in the block, which may have %d", c.files, maxBlockFiles)
	}
	return nil
}

package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"hullmark/bundle"
	"hullmark/proto"
	"hullmark/query"
	"hullmark/reference"
)

// Resolve answers a question: it asks nodes until one gives an answer that
// verifies, and returns the result, the bundle that proves it, and what was wrong
// with the nodes asked before.
//
// A proven no is a *bundle.Denial, and final: no other node is asked. When no node
// gives an answer that verifies, the error is a *NodesError. ClassOf tells what to
// conclude.
func (c *Client) Resolve(ctx context.Context, req query.Resolve) (*bundle.Result, *proto.Bundle, []Warning, error) {
	result, proofs, warnings, err := c.resolve(ctx, req, false)
	if err != nil {
		return nil, nil, warnings, fmt.Errorf("couldn't resolve %s: %w", req, err)
	}
	return result, proofs[len(proofs)-1], warnings, nil
}

// resolve is Resolve with all the bundles it took, the last of which has the
// answer: the roots of a repository, and its targets files, may come in portions.
// ForFile asks for bundles that others can verify.
func (c *Client) resolve(ctx context.Context, req query.Resolve, forFile bool) (*bundle.Result, []*proto.Bundle, []Warning, error) {
	if err := req.Check(); err != nil {
		return nil, nil, nil, err
	}
	if len(c.nodes) == 0 {
		return nil, nil, nil, ErrNoNodes
	}
	var proofs []*proto.Bundle
	var warnings []Warning
	for portion := range maxPortions {
		result, proof, more, err := c.resolveOnce(ctx, req, forFile, portion)
		warnings = append(warnings, more...)
		if proof != nil {
			proofs = append(proofs, proof)
		}
		if !goesOn(err) {
			return result, proofs, warnings, err
		}
	}
	return nil, nil, warnings, fmt.Errorf("%w: %d portions were not enough", bundle.ErrMoreRoots, maxPortions)
}

// errNoRoom is what is wrong with an answer that does not fit into a file. Each node
// chooses which files it sends, so another node's answer may fit.
var errNoRoom = errors.New("the answer rests on more targets files than a file with one bundle has room for")

// goesOn reports whether an answer was good and not the whole.
func goesOn(err error) bool {
	return errors.Is(err, bundle.ErrMoreRoots) || errors.Is(err, bundle.ErrMoreFiles)
}

// resolveOnce asks nodes until one gives a bundle that verifies, which it returns,
// also when it is not the whole. Portion counts those before it.
func (c *Client) resolveOnce(ctx context.Context, req query.Resolve, forFile bool, portion int) (*bundle.Result, *proto.Bundle, []Warning, error) {
	memory, err := c.load(ctx, req.Repository)
	if err != nil {
		return nil, nil, nil, err
	}
	var found []Warning
	if !forFile {
		found = c.recallFiles(req.Repository)
	}
	var result *bundle.Result
	var proof *proto.Bundle
	var own []Warning
	warnings, err := race(ctx, c, c.turn(req.String(), portion), func(ctx context.Context, node string) (fetched[*proto.Bundle], error) {
		return c.fetchBundle(ctx, node, req, memory, forFile)
	}, func(node string, f fetched[*proto.Bundle]) error {
		b := f.answer
		r, w, err := c.verify(ctx, memory, b, req, c.policy, f.traces...)
		if errors.Is(err, bundle.ErrMoreFiles) {
			switch {
			case forFile:
				return errNoRoom
			case len(b.GetTargets()) <= len(c.files.of(req.Repository)):
				return fmt.Errorf("%w: files are missing, and no more came than were held", ErrResponse)
			}
		}
		if err == nil || goesOn(err) {
			result, proof, own = r, b, append(w, c.keepFiles(req.Repository, b.GetTargets())...)
			c.witness(node, b.GetState().GetLightBlock())
		}
		return err
	})
	warnings, overtaken := c.overtaken(ctx, warnings, memory, req.Repository)
	if askAgain(ctx, err, overtaken) {
		return c.resolveOnce(ctx, req, forFile, portion)
	}
	return result, proof, slices.Concat(found, warnings, own), err
}

// fetchBundle gets a bundle that answers a question from one node, with the
// intermediate blocks that lead to it from what the client knows. When there is no room for
// all changes of the validators it remembers the blocks it got and asks again.
func (c *Client) fetchBundle(ctx context.Context, node string, req query.Resolve, m *bundle.Memory, forFile bool) (fetched[*proto.Bundle], error) {
	var none fetched[*proto.Bundle]
	files := c.files.of(req.Repository)
	for range maxIntermediatePages {
		k := known(m, req.Repository)
		if k.ForFile = forFile; !forFile && req.Assurance == query.PublisherAssurance {
			k.Held = files.digests()
		}
		answer, err := c.put(ctx, node, req, k, maxBundle)
		if err != nil {
			return none, err
		}
		b, err := bundle.Decode(answer)
		if err != nil {
			return none, err
		}
		if err := bundle.PutBack(b, files); err != nil {
			return none, c.behindOr(err, b, req, m)
		}
		trace, next, err := c.completeState(ctx, node, b.GetState(), m, req.Repository)
		if err != nil {
			return none, err
		}
		if next == nil {
			out := fetched[*proto.Bundle]{answer: b}
			if trace != nil {
				out.traces = append(out.traces, trace)
			}
			c.sawFetched(node, out.traces)
			return out, nil
		}
		m = next
	}
	return none, fmt.Errorf("%w: %w: %d pages of intermediate blocks were not enough", bundle.ErrHeader, bundle.ErrNotEnoughTrust, maxIntermediatePages)
}

// behindOr returns what to say of an answer that lacks files which the client does
// not hold: that it is old, if its own proofs say so, since the client may have held
// them when it was made, and otherwise err.
func (c *Client) behindOr(err error, b *proto.Bundle, req query.Resolve, m *bundle.Memory) error {
	b.Targets, b.Held = nil, nil
	if _, _, old := bundle.Verify(b, req, m, c.now(), c.policy); bundle.ClassOf(old) == bundle.Stale {
		return old
	}
	return err
}

// Repository answers what the ledger knows of a repository, with its verified
// files: Resolve without tag and digest.
func (c *Client) Repository(ctx context.Context, r reference.Repository) (*bundle.Result, []Warning, error) {
	result, _, warnings, err := c.Resolve(ctx, query.Resolve{Repository: r})
	return result, warnings, err
}

// VerifyBundle answers a question from the content of a file with bundles, and asks
// nobody. The policy is usually bundle.OfflinePolicy.
func (c *Client) VerifyBundle(ctx context.Context, data []byte, req query.Resolve, p bundle.Policy) (*bundle.Result, []Warning, error) {
	r, warnings, err := c.verifyFile(ctx, data, req, p)
	if err != nil {
		return nil, nil, fmt.Errorf("couldn't verify %s: %w", req, c.keepFork(err))
	}
	return r, warnings, nil
}

func (c *Client) verifyFile(ctx context.Context, data []byte, req query.Resolve, p bundle.Policy) (*bundle.Result, []Warning, error) {
	bundles, err := bundle.DecodeFile(data, req)
	if err != nil {
		return nil, nil, err
	}
	memory, err := c.load(ctx, req.Repository)
	if err != nil {
		return nil, nil, err
	}
	seen, _ := memory.Repository(req.Repository)
	var result *bundle.Result
	var warnings []Warning
	for _, b := range bundles {
		if seen.HasRootsOf(b) {
			continue
		}
		var more []Warning
		result, more, err = c.verify(ctx, memory, b, req, p)
		warnings = append(warnings, more...)
		if !errors.Is(err, bundle.ErrMoreRoots) {
			break
		}
	}
	return result, warnings, err
}

// Bundle asks nodes for what proves the answer to a question to everybody who has
// a trust anchor that has not expired, whatever else they know: what goes into a
// file. The client should know no more than such a reader, or the file will lack
// what it knows.
func (c *Client) Bundle(ctx context.Context, ref reference.Reference) ([]bundle.FileEntry, []Warning, error) {
	_, proofs, warnings, err := c.resolve(ctx, query.Of(ref), true)
	if err != nil {
		return nil, warnings, fmt.Errorf("couldn't resolve %s: %w", ref, err)
	}
	var out []bundle.FileEntry
	for _, p := range proofs {
		out = append(out, bundle.FileEntry{Reference: ref, Bundle: p})
	}
	return out, warnings, nil
}

// verify judges a bundle by the memory as it is now, and remembers. Loaded is what the
// look-up began with, nil if it began with nothing; the traces are what the bundle's light
// blocks were decoded and followed to already.
func (c *Client) verify(ctx context.Context, loaded *bundle.Memory, b *proto.Bundle, req query.Resolve, p bundle.Policy, traces ...*bundle.Trace) (*bundle.Result, []Warning, error) {
	var result *bundle.Result
	warnings, err := c.update(ctx, loaded, func(m *bundle.Memory) (*bundle.Memory, error) {
		r, next, err := bundle.Verify(b, req, m, c.now(), p, traces...)
		result = r
		return next, err
	}, req.Repository)
	if err != nil {
		return nil, nil, err
	}
	return result, warnings, nil
}

// completeState makes a state proof verifiable from the trusted blocks of the client. If the
// proof has too few intermediate blocks, it fetches more from the same node and adds them.
// The trace is the proof's own light blocks, decoded and followed; it is nil if they cannot be
// decoded, or were too few. If the proof has as many intermediate blocks as fit, they are
// remembered, and the returned memory is what to ask again with. Errors are forks and nodes
// that have nothing better; everything else is left to the verification of the answer.
func (c *Client) completeState(ctx context.Context, node string, s *proto.StateProof, m *bundle.Memory, repositories ...reference.Repository) (*bundle.Trace, *bundle.Memory, error) {
	intermediate := s.GetIntermediateBlocks()
	trace, err := bundle.DecodeTrace(m.Ledger(), s.GetLightBlock(), intermediate)
	if err != nil {
		return nil, nil, nil //nolint:nilerr // the caller verifies the answer, which decodes the blocks again and fails
	}
	_, short := m.Follow(trace, c.now(), c.policy)
	if !errors.Is(short, bundle.ErrNotEnoughTrust) {
		return trace, nil, nil
	}
	if n := len(intermediate); n == bundle.MaxIntermediateBlocks {
		next, err := c.learnBlock(ctx, intermediate[n-1], intermediate[:n-1], repositories...)
		if err == nil && next.TrustedHeight() > m.TrustedHeight() {
			return nil, next, nil
		}
	}
	found, err := c.findIntermediate(ctx, node, m, s.GetLightBlock())
	switch {
	case err == nil:
		s.IntermediateBlocks = found
		return nil, nil, nil
	case errors.Is(err, bundle.ErrFork):
		return nil, nil, err
	default:
		if err := interrupted(ctx, err); err != nil {
			return nil, nil, err
		}
		return nil, nil, short // the node has nothing better to offer
	}
}

// sawFetched tells who listens of an answer.
func (c *Client) sawFetched(node string, traces []*bundle.Trace) {
	if c.onFetched != nil {
		c.onFetched(node, traces)
	}
}

// learnBlock verifies a light block and remembers it. It returns what is known
// then, also of a repository.
func (c *Client) learnBlock(ctx context.Context, block []byte, intermediate [][]byte, repositories ...reference.Repository) (*bundle.Memory, error) {
	var learnt *bundle.Memory
	err := c.store.Update(ctx, nil, func(m *bundle.Memory) (*bundle.Memory, error) {
		_, next, err := bundle.VerifyLightBlock(block, intermediate, m, c.now(), c.policy)
		learnt = next
		return next, err
	}, repositories...)
	return learnt, err
}

// known returns what the client holds that an answer about a repository need not repeat.
func known(m *bundle.Memory, r reference.Repository) query.Known {
	k := query.Known{TrustedHeight: m.TrustedHeight()}
	if seen, ok := m.Repository(r); ok {
		k.RootVersion, k.MinStateHeight = seen.RootVersion(), seen.Changed
	}
	return k
}

// race asks nodes one after the other until accept takes an answer, and returns
// what was wrong with those asked before. The next node is asked as soon as one
// fails, and also when all asked so far have been silent for the hedging time.
//
// Everything that waits for a node belongs into ask, which runs beside the others
// and has one time-out for all it does with its node. accept is called for one
// answer at a time and must not wait for any: nobody is asked meanwhile.
func race[T any](ctx context.Context, c *Client, nodes []string, ask func(ctx context.Context, node string) (T, error), accept func(node string, answer T) error) ([]Warning, error) {
	type reply struct {
		node   string
		answer T
		err    error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the requests whose answers are no longer needed
	replies := make(chan reply, len(nodes))
	asked, open := 0, 0
	next := func() {
		if asked == len(nodes) {
			return
		}
		node := nodes[asked]
		asked++
		open++
		go func() {
			ctx, cancel := context.WithTimeout(ctx, c.timeout)
			defer cancel()
			answer, err := ask(ctx, node)
			replies <- reply{node, answer, err}
		}()
	}
	var hedge <-chan time.Time
	wait := func() {
		if c.hedge > 0 && asked < len(nodes) {
			hedge = time.After(c.hedge)
		} else {
			hedge = nil
		}
	}

	var failures []Warning
	next()
	wait()
	for open > 0 {
		select {
		case <-ctx.Done():
			return failures, ctx.Err()
		case <-hedge:
			next()
			wait()
		case r := <-replies:
			open--
			err := r.err
			if err == nil {
				err = accept(r.node, r.answer)
			}
			if err == nil || bundle.ClassOf(err) == bundle.NotTrusted || final(err) {
				return failures, c.keepFork(err)
			}
			if interrupted(ctx, err) != nil {
				return failures, ctx.Err()
			}
			failures = append(failures, Warning{Node: r.node, Class: ClassOf(err), Err: err})
			next()
			wait()
		}
	}
	return failures, &NodesError{Failures: failures}
}

// final reports errors with which no other node can help: those that are the
// client's own, a fork, which the validators made and not the node, and a good
// answer that is not the whole.
func final(err error) bool {
	for _, e := range []error{bundle.ErrFork, bundle.ErrMoreRoots, bundle.ErrMoreFiles, bundle.ErrRequest, bundle.ErrMemory, bundle.ErrAnchor, bundle.ErrAnchorExpired, ErrNoAnchor, ErrConfig, ErrStore} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// keepFork keeps the evidence when an error is a fork, where the store can, and
// names the file in the error. A fork that the store cannot keep ends the verdicts
// of this client. Other errors are returned as they are.
func (c *Client) keepFork(err error) error {
	var fork *bundle.Fork
	if !errors.As(err, &fork) {
		return err
	}
	keeper, ok := c.store.(ForkKeeper)
	if !ok {
		c.fork.Store(fork)
		return err
	}
	kept, failure := withEvidence(keeper, fork, err)
	if failure != nil {
		c.fork.Store(fork)
	}
	return kept
}

// withEvidence keeps a fork, adds where to the error that reports it, and returns
// why it could not be kept.
func withEvidence(keeper ForkKeeper, fork *bundle.Fork, err error) (reported, failure error) {
	if kept := (keptFork{}); errors.As(err, &kept) {
		return err, nil // and said so
	}
	file, failure := keeper.KeepFork(fork)
	switch {
	case failure != nil:
		return fmt.Errorf("%w; couldn't keep the evidence: %w", err, failure), failure
	case file == "":
		return err, nil
	default:
		return keptFork{err, file}, nil
	}
}

// keptFork is a fork whose evidence is kept in a file.
type keptFork struct {
	error
	file string
}

// Error implements error.
func (f keptFork) Error() string {
	return fmt.Sprintf("%v; both blocks are kept in %s", f.error, f.file)
}

// Unwrap returns the fork.
func (f keptFork) Unwrap() error { return f.error }

package sim

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// CostsVersion is the version of the format of [Costs].
const CostsVersion = 1

// MaxCostsSize bounds a file of costs, in bytes.
const MaxCostsSize = 1 << 20

// Costs is what the real code takes: the service times and sizes that scenarios
// calculate with. The file is JSON, one object with the fields below, all of them
// present and no others; times are integers in nanoseconds of one core, sizes in
// bytes. Package calibrate writes it.
type Costs struct {
	// Version is [CostsVersion].
	Version int `json:"version"`
	// Source says how the numbers were got, and Machine on what.
	Source  string `json:"source"`
	Machine string `json:"machine"`

	// Repositories are costs that depend on the tags of a repository, by rising
	// number of tags; between them they are interpolated.
	Repositories []RepositoryCosts `json:"repositories"`

	// VerifyValidator and AnswerValidator are what each validator beyond the first
	// four adds to Verify and Answer of a repository.
	VerifyValidator Nanoseconds `json:"verify_validator_ns"`
	AnswerValidator int         `json:"answer_validator_bytes"`
	// Request is the size of a look-up's request.
	Request int `json:"request_bytes"`

	// Commit is the fixed part of committing a block to disk, CommitTransaction what
	// each transaction adds, and CommitWait how long the commit waits for the disk, on
	// the clock.
	Commit            Nanoseconds `json:"commit_ns"`
	CommitTransaction Nanoseconds `json:"commit_transaction_ns"`
	CommitWait        Nanoseconds `json:"commit_wait_ns"`
	// Rejudge is one judgement of a publish whose signatures were verified before,
	// in a repository of one tag: what proposing, processing and finalising cost
	// for each transaction.
	Rejudge Nanoseconds `json:"rejudge_ns"`
	// Work is what such a publish counts for of the work a block may hold.
	Work int `json:"work"`
	// VerifyVote and SignVote are one vote of consensus.
	VerifyVote Nanoseconds `json:"verify_vote_ns"`
	SignVote   Nanoseconds `json:"sign_vote_ns"`
	// Message is what carrying a small message from one node to another costs
	// besides, both ends together, when others come with it; MessageAlone when none
	// does, and MessageKiB what each 1,024 bytes add.
	Message      Nanoseconds `json:"message_ns"`
	MessageAlone Nanoseconds `json:"message_alone_ns"`
	MessageKiB   Nanoseconds `json:"message_kib_ns"`

	// Recheck is the second check of a transaction that waits, after a block.
	Recheck Nanoseconds `json:"recheck_ns"`
	// EngineBlock is what the engine of one validator takes for a block without
	// transactions, EngineTransaction what each adds, and BlockWait how long a block
	// waits for the disk, on the clock.
	EngineBlock       Nanoseconds `json:"engine_block_ns"`
	EngineTransaction Nanoseconds `json:"engine_transaction_ns"`
	BlockWait         Nanoseconds `json:"block_wait_ns"`
	// Submit is what handing a transaction to a node takes, the sender's share
	// included.
	Submit Nanoseconds `json:"submit_ns"`
	// VerifyCommitVote is what each validator adds to checking the commit in a block.
	VerifyCommitVote Nanoseconds `json:"verify_commit_vote_ns"`

	// Block is the size of a block without transactions and commit, CommitVote what
	// each validator adds to it, Vote the size of a vote on the wire.
	Block      int `json:"block_bytes"`
	CommitVote int `json:"commit_vote_bytes"`
	Vote       int `json:"vote_bytes"`
	// Record is what one publish adds to the log, and Disk to a node's disk, all
	// told but blocks.
	Record int `json:"record_bytes"`
	Disk   int `json:"disk_bytes"`
}

// RepositoryCosts is what a repository with a number of tags costs, on a network
// of four validators.
type RepositoryCosts struct {
	Tags int `json:"tags"`
	// LookUp is one answer of a node.
	LookUp Nanoseconds `json:"look_up_ns"`
	// Verify is what a client takes from an answer to a verdict.
	Verify Nanoseconds `json:"verify_ns"`
	// Judge is the check of a publish of a whole file, all signatures verified.
	Judge Nanoseconds `json:"judge_ns"`
	// Answer is the size of an answer, Transaction that of the publish.
	Answer      int `json:"answer_bytes"`
	Transaction int `json:"transaction_bytes"`
}

// Nanoseconds is a time in a file of costs.
type Nanoseconds int64

// Duration returns the time.
func (n Nanoseconds) Duration() time.Duration { return time.Duration(n) }

// ErrCosts is the class of errors in a file of costs.
var ErrCosts = errors.New("bad costs")

//go:embed costs.json
var defaultCosts []byte

// DefaultCosts returns the costs that come with the program.
func DefaultCosts() (Costs, error) { return DecodeCosts(defaultCosts) }

// DecodeCosts returns the costs in a file. Errors are [ErrCosts].
func DecodeCosts(b []byte) (Costs, error) {
	if len(b) > MaxCostsSize {
		return Costs{}, fmt.Errorf("couldn't decode costs: %w: more than %d bytes", ErrCosts, MaxCostsSize)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var c Costs
	if err := d.Decode(&c); err != nil {
		return Costs{}, fmt.Errorf("couldn't decode costs: %w: %w", ErrCosts, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Costs{}, fmt.Errorf("couldn't decode costs: %w: something follows the object", ErrCosts)
	}
	if err := c.Validate(); err != nil {
		return Costs{}, fmt.Errorf("couldn't decode costs: %w", err)
	}
	return c, nil
}

// Encode returns the file.
func (c Costs) Encode() ([]byte, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("couldn't encode costs: %w", err)
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("couldn't encode costs: %w", err)
	}
	return append(b, '\n'), nil
}

// Validate reports a cost that cannot be: a field that is missing is zero, and
// nothing is for nothing.
func (c Costs) Validate() error {
	if c.Version != CostsVersion {
		return fmt.Errorf("%w: version %d, want %d", ErrCosts, c.Version, CostsVersion)
	}
	if c.Source == "" || c.Machine == "" {
		return fmt.Errorf("%w: source and machine must be said", ErrCosts)
	}
	if len(c.Repositories) == 0 {
		return fmt.Errorf("%w: no repositories", ErrCosts)
	}
	positive := []struct {
		field string
		value int64
	}{
		{"verify_validator_ns", int64(c.VerifyValidator)},
		{"answer_validator_bytes", int64(c.AnswerValidator)},
		{"request_bytes", int64(c.Request)},
		{"commit_ns", int64(c.Commit)},
		{"commit_transaction_ns", int64(c.CommitTransaction)},
		{"commit_wait_ns", int64(c.CommitWait)},
		{"work", int64(c.Work)},
		{"rejudge_ns", int64(c.Rejudge)},
		{"verify_vote_ns", int64(c.VerifyVote)},
		{"sign_vote_ns", int64(c.SignVote)},
		{"message_ns", int64(c.Message)},
		{"message_alone_ns", int64(c.MessageAlone)},
		{"message_kib_ns", int64(c.MessageKiB)},
		{"recheck_ns", int64(c.Recheck)},
		{"engine_block_ns", int64(c.EngineBlock)},
		{"engine_transaction_ns", int64(c.EngineTransaction)},
		{"block_wait_ns", int64(c.BlockWait)},
		{"submit_ns", int64(c.Submit)},
		{"verify_commit_vote_ns", int64(c.VerifyCommitVote)},
		{"block_bytes", int64(c.Block)},
		{"commit_vote_bytes", int64(c.CommitVote)},
		{"vote_bytes", int64(c.Vote)},
		{"record_bytes", int64(c.Record)},
		{"disk_bytes", int64(c.Disk)},
	}
	for _, p := range positive {
		if p.value <= 0 {
			return fmt.Errorf("%w: %s is %d", ErrCosts, p.field, p.value)
		}
	}
	for i, r := range c.Repositories {
		if i > 0 && r.Tags <= c.Repositories[i-1].Tags {
			return fmt.Errorf("%w: repositories are not by rising number of tags", ErrCosts)
		}
		if slices.Min([]int64{int64(r.Tags), int64(r.LookUp), int64(r.Verify), int64(r.Judge), int64(r.Answer), int64(r.Transaction)}) <= 0 {
			return fmt.Errorf("%w: a cost of a repository of %d tags is not positive", ErrCosts, r.Tags)
		}
	}
	return nil
}

// Repository returns the costs of a repository with a number of tags. Between the
// numbers that were measured they lie on a line, beyond the largest on the last
// one; below the smallest they are those of the smallest.
func (c Costs) Repository(tags int) RepositoryCosts {
	all := c.Repositories
	if tags <= all[0].Tags || len(all) == 1 {
		r := all[0]
		r.Tags = tags
		return r
	}
	i := 1
	for i < len(all)-1 && all[i].Tags < tags {
		i++
	}
	a, b := all[i-1], all[i]
	at := float64(tags-a.Tags) / float64(b.Tags-a.Tags)
	between := func(x, y int64) int64 { return x + int64(at*float64(y-x)) }
	return RepositoryCosts{
		Tags:        tags,
		LookUp:      Nanoseconds(between(int64(a.LookUp), int64(b.LookUp))),
		Verify:      Nanoseconds(between(int64(a.Verify), int64(b.Verify))),
		Judge:       Nanoseconds(between(int64(a.Judge), int64(b.Judge))),
		Answer:      int(between(int64(a.Answer), int64(b.Answer))),
		Transaction: int(between(int64(a.Transaction), int64(b.Transaction))),
	}
}

package client

import (
	"time"

	"hullmark/bundle"
	"hullmark/tuf"
)

const (
	// DefaultTimeout is how long one node may take to answer one question, with the
	// light blocks that it is asked for on the way. It is longer than the ten
	// seconds a node waits for a state it has been asked for.
	DefaultTimeout = 15 * time.Second

	// SubmitTimeout is how long one submission to one node may take: nodes wait
	// thirty seconds for the block.
	SubmitTimeout = 40 * time.Second

	// DefaultHedge is how long a node may stay silent before the next one is
	// asked too: several times a usual answer, and hardly felt by a person.
	DefaultHedge = 300 * time.Millisecond

	// DefaultWitnessInterval is how long the comparison of headers with other nodes
	// pauses after each: blocks come once a second.
	DefaultWitnessInterval = time.Second

	// DefaultWitnessTimeout is how long one witness may take. Healthy ones need
	// milliseconds, and nobody waits for it.
	DefaultWitnessTimeout = 5 * time.Second

	// maxWitnessed bounds the headers that wait for a comparison, each of at most
	// 64 KiB, and those remembered as compared.
	maxWitnessed = 64

	// maxWitnesses bounds how many nodes are asked about one header until one has
	// it.
	maxWitnesses = 3

	// MaxNodes bounds the nodes of a configuration: as many as a consortium has,
	// and mirrors.
	MaxNodes = 256

	// maxMessage bounds answers that are small by nature: status, errors,
	// receipts with their transaction, and light blocks in base64.
	maxMessage = 1 << 20

	// maxMetadata bounds a metadata file.
	maxMetadata = tuf.MaxTargetsSize

	// maxBundle bounds an answer to a look-up.
	maxBundle = bundle.MaxSize

	// maxCachedFiles bounds the targets files kept in memory, in bytes: a dozen of
	// the largest, thousands of usual ones.
	maxCachedFiles = 64 << 20

	// maxKeptFiles bounds the targets files kept in a home, in bytes: several dozen of
	// the largest, tens of thousands of usual ones.
	maxKeptFiles = 256 << 20

	// evictionLots is how many times, on average, all kept files are measured while
	// maxKeptFiles are written.
	evictionLots = 16

	// maxRedirects bounds redirects, which may stay on one host only.
	maxRedirects = 3

	// maxBisections bounds the light blocks fetched to reach one header across
	// changes of the validators.
	maxBisections = 64

	// maxIntermediatePages bounds how often a node is asked for the next page of
	// intermediate blocks: each spans 128 changes of the validators.
	maxIntermediatePages = 16

	// maxPortions bounds how often the next roots of a repository, or more of its
	// targets files, are asked for. Nodes send up to 1,024 roots at a time, fewer when
	// they are large, and 6 MiB of targets files.
	maxPortions = 128

	// maxRounds bounds how often all nodes are tried with one transaction while
	// they say that they are busy.
	maxRounds = 6

	// maxQuotaRounds is maxRounds while nodes say that a quota is used up. With the
	// pauses that is about a minute, in which a token or several come back.
	maxQuotaRounds = 12

	// firstBackoff and maxBackoff bound the pauses between rounds. They double,
	// and each is drawn at random from its second half, so that clients that
	// failed together do not return together.
	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 8 * time.Second

	// maxWish bounds a pause that a node asks for: that after a refused transaction of
	// as much work as a block (ADR 30). What names more means no client well.
	maxWish = 200 * time.Second

	// maxShown bounds how much of what a node says of an error is shown, in bytes.
	maxShown = 300
)

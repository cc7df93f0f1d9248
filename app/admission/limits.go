package admission

import "time"

// What one client, and all together, may have at once. An honest client has one
// request under way, a busy machine a dozen; the bounds of one client leave room for
// many behind one address.
const (
	// DefaultPlaces is how many look-ups are worked on at once: work waits for
	// processors and disk only, so more would take memory and be no faster.
	DefaultPlaces = 64
	// MaxPlaces bounds the setting.
	MaxPlaces = 4096
	// placesShare is the part of all places that one client may have.
	placesShare = 4
	// submitPlaces times the places for look-ups is how many transactions are judged
	// at once: they wait for consensus while a block is committed.
	submitPlaces = 4

	// lookupWaits and submitWaits are how many requests wait at once, for a height and
	// for a block. Each costs a connection and a few kilobytes.
	lookupWaits = 512
	submitWaits = 1024
	// waitsEach is how many of either one client may have.
	waitsEach = 64
	// urgentWaits and urgentEach are the same for emergencies, which must find room
	// when a flood has found it first.
	urgentWaits = 256
	urgentEach  = 16

	// bodyBytes and bodyBytesEach bound the bytes of requests that are being read or
	// judged: 256 and 16 of the largest transactions.
	bodyBytes     = 64 << 20
	bodyBytesEach = 4 << 20

	// answerBytes and answerBytesEach bound the bytes of large answers that are being
	// made and read: 8 and 1 of the largest.
	answerBytes     = 128 << 20
	answerBytesEach = 16 << 20
)

// How long the other end of a connection may take.
const (
	// ReadTime is how long a request, header and body, may take to arrive. The largest
	// transaction takes it at 50 kB/s.
	ReadTime = 5 * time.Second
	// IdleTime is how long a connection may wait for another request.
	IdleTime = time.Minute
	// AnswerTime bounds a request and the wait for its answer; writing has bounds of
	// its own.
	AnswerTime = 90 * time.Second
	// writeGrace and writeRate bound how slowly an answer is read: it may stand still
	// for the former at its begin, and must go at the latter, in bytes per second, on
	// the whole.
	writeGrace = 10 * time.Second
	writeRate  = 64 << 10
	// writeSize is how much of an answer is written at once, each part with a deadline.
	// Up to this size an answer needs no room: it fits into the kernel's buffer, and
	// there are no more of them than connections.
	writeSize = 64 << 10
	// sendBuffer is what the kernel is asked to hold of answers for one connection, in
	// bytes. By itself it takes megabytes.
	sendBuffer = 128 << 10
	// bodyChunk is with how many bytes the buffer of a body begins: one byte that is
	// sent must not take the room of the largest transaction.
	bodyChunk = 4 << 10
)

const (
	// MaxConnections is how many connections are open at once, files permitting.
	MaxConnections = 2048
	// connectionsEach and connectionsShare bound those of one address: a number, and a
	// part of all.
	connectionsEach  = 256
	connectionsShare = 4

	// maxClients is how many clients a Rate remembers; whoever is forgotten starts
	// with a full bucket.
	maxClients = 1 << 16
	// burstSeconds is how many seconds' worth of requests may come at once.
	burstSeconds = 2
	// maxForwarded is how many addresses of X-Forwarded-For are looked at.
	maxForwarded = 32
	// maxProxies bounds the configured proxies.
	maxProxies = 256
)

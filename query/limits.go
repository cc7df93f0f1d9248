package query

import "hullmark/record"

const (
	// MaxHeld bounds the files that a Known names: as many as a repository has roles
	// at once.
	MaxHeld = record.MaxRoles

	// MaxHistoryPage bounds the records of one answer about a history: with their
	// proofs a few hundred kilobytes, and more with long change lists.
	MaxHistoryPage = 100

	// maxNumber bounds heights, versions and indexes: the engine's heights are signed.
	maxNumber = 1<<63 - 1
)

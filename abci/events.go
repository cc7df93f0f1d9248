package abci

import (
	"strconv"

	cmtabci "github.com/cometbft/cometbft/abci/types"

	"hullmark/ledger"
)

// eventRecord is the type of the event that tells followers of a new log record.
// Events are hints: nothing is built from them, since a crash may lose some.
const eventRecord = "hullmark.record"

// events describes the log records of a transaction.
func events(out *ledger.Outcome) []cmtabci.Event {
	list := make([]cmtabci.Event, 0, len(out.Records))
	for _, r := range out.Records {
		list = append(list, cmtabci.Event{Type: eventRecord, Attributes: []cmtabci.EventAttribute{
			{Key: "repository", Value: r.Repository.String(), Index: true},
			{Key: "kind", Value: r.Kind.String()},
			{Key: "revision", Value: strconv.FormatUint(r.Revision, 10)},
		}})
	}
	return list
}

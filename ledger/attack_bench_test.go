package ledger_test

import (
	"errors"
	"fmt"
	"testing"

	"hullmark/change"
	"hullmark/internal/fixture"
	"hullmark/keys"
	"hullmark/ledger"
	"hullmark/proto"
	"hullmark/record"
	"hullmark/tuf"
)

// BenchmarkAttack is what small transactions on a file of the largest size and on one of
// 100 tags cost a node: good ones, the first time and in each later phase, and refused
// ones with a good submitter's signature.
func BenchmarkAttack(b *testing.B) {
	for _, size := range []int{100, 8300} {
		c := fixture.NewConsortium(b, 4)
		ch := newChain(b, c)
		p := registered(ch, "app", nil)
		tags := rows(size, 10)
		file := grow(ch, p, tags)
		good := deltas(ch, p, file, tags, 1, 1)[0]
		wrong := deltas(ch, p, file, tags, 1, 1, newKeys(b, "stranger")...)[0]
		forged := func() []byte {
			tx := c.NewPublish(p.TaggingKeys[0], fixture.Update{
				Targets: p.SignTargets(p.TargetsSpec(file.Version+1, fixture.Tags{}), p.TaggingKeys...),
			})
			put, _ := tuf.DiffTargets(nil, p.Targets(1, fixture.Tags{"new": "x"}))
			d := tuf.Delta{Base: file.SignedDigest(), Version: file.Version + 1, Expires: file.Expires, Put: put, Signatures: file.Signatures}
			return withDelta(tx, d)
		}()
		stale := func() []byte {
			tx := c.NewPublish(p.TaggingKeys[0], fixture.Update{Targets: p.Targets(file.Version+1, nil)})
			return withDelta(tx, tuf.Delta{Base: [32]byte{1}, Version: file.Version + 1, Expires: file.Expires, Signatures: file.Signatures})
		}()
		for _, tt := range []struct {
			name string
			tx   []byte
			code record.Code
			m    ledger.Memory
		}{
			{"good, first time, file not read before", good, 0, ledger.Memory{Results: -1, Files: -1}},
			{"good, first time", good, 0, ledger.Memory{Results: -1}},
			{"good, again", good, 0, ledger.Memory{}},
			{"unknown signer", wrong, record.CodeUnknownKey, ledger.Memory{Results: -1}},
			{"wrong signature", forged, record.CodeBadSignature, ledger.Memory{Results: -1}},
			{"wrong signature, again", forged, record.CodeBadSignature, ledger.Memory{}},
			{"stale base", stale, record.CodeStaleBase, ledger.Memory{Results: -1}},
		} {
			b.Run(fmt.Sprintf("%d tags/%s", size, tt.name), func(b *testing.B) {
				ch.memory = tt.m
				ch.reopen()
				s := ch.begin()
				defer s.Close()
				judge := func() {
					if tt.code != 0 {
						if _, err := s.Apply(tt.tx, keys.Direct{}); !errors.Is(err, tt.code) {
							b.Fatal(err)
						}
						return
					}
					env, err := record.DecodeEnvelope(tt.tx)
					if err != nil {
						b.Fatal(err)
					}
					s.Prepare(env, keys.Direct{})
				}
				judge()
				began := processorTime()
				for b.Loop() {
					judge()
				}
				b.ReportMetric(float64((processorTime()-began).Microseconds())/float64(b.N), "us-cpu/op")
			})
		}
	}
}

// withDelta returns a transaction that carries a delta.
func withDelta(tx *fixture.Transaction, d tuf.Delta) []byte {
	body(tx).Updates[0].Roles[0].Content = &proto.RoleUpdate_Delta{Delta: change.EncodeDelta(d)}
	return tx.Bytes()
}

package bundle_test

import "testing"

// Test that the failures other systems are known for stay covered: each name must
// be one of the lies, and is told once more.
func TestRegr(t *testing.T) {
	for _, r := range []struct {
		name string
		lies []string
	}{
		{"R03 version rollback", []string{"old targets", "rolled back", "older root at a later height", "behind"}},
		{"R06 expired metadata", []string{"expired since, online", "expired since, offline"}},
		{"R12 proof of something else", []string{
			"repository of another", "tag of another name", "tag of another repository", "image of another digest",
			"image of another repository", "tag of an earlier height", "state of an earlier height",
			"header of an earlier height", "header of another ledger", "whole answer about another tag",
		}},
		{"R16 key revoked before", []string{"not effective after rotation", "validators count signatures of a stolen key"}},
		{"R17 endless lists", []string{
			"too many roots", "too many targets", "too many statements", "too many validators", "many intermediate blocks", "huge light block",
		}},
		{"R19 freshness", []string{"stale", "future", "stale state beside a new header"}},
		{"R20 trust from whoever is verified", []string{"signed by strangers", "root with other keys", "validators of another block"}},
		{"R26 digests need a record", []string{"image of another repository", "live tag with its value cut off"}},
		{"C1 relabelled commit signature", []string{"relabelled signature", "other time under the same signatures"}},
		{"T14 trusting period", []string{"trusting period is over", "trusting period is over offline"}},
		{"T16 old validators", []string{"signed by a mixed set", "fork"}},
	} {
		t.Run(r.name, func(t *testing.T) {
			for _, name := range r.lies {
				found := false
				for _, c := range lies {
					if c.name == name {
						tell(t, c.lie, c.want)
						found = true
					}
				}
				if !found {
					t.Errorf("no lie is called %q", name)
				}
			}
		})
	}
}

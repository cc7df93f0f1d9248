package record_test

import (
	"testing"

	"hullmark/record"
)

// Test which headers claim an emergency and which bucket their scopes draw on.
func TestEmergency(t *testing.T) {
	root, targets, ci := record.RoleScope(app, "root", 2), record.RoleScope(app, "targets", 2), record.RoleScope(app, "targets/ci", 1)
	for _, tt := range []struct {
		name      string
		kind      record.Kind
		scopes    []record.Scope
		emergency bool
		class     record.QuotaClass
	}{
		{"rotation", record.KindPublish, []record.Scope{root}, true, record.QuotaRoot},
		{"rotation with targets", record.KindPublish, []record.Scope{root, targets}, true, record.QuotaRoot},
		{"rotations of two", record.KindPublish, []record.Scope{root, record.RoleScope(nginx, "root", 3)}, true, record.QuotaRoot},
		{"rotation that carries another's targets", record.KindPublish, []record.Scope{root, record.RoleScope(nginx, "targets", 3)}, false, record.QuotaRoot},
		{"targets", record.KindPublish, []record.Scope{targets}, false, record.QuotaOrdinary},
		{"delegated role", record.KindPublish, []record.Scope{ci}, false, record.QuotaOrdinary},
		{"publish with a lift's scope", record.KindPublish, []record.Scope{record.LiftScope(app, 1)}, false, record.QuotaRoot},
		{"registration", record.KindRegisterRepository, []record.Scope{record.RoleScope(app, "root", 1)}, false, record.QuotaRoot},
		{"revocation by targets", record.KindRevoke, []record.Scope{record.RevocationScope(app, "targets", 1)}, true, record.QuotaRevoking},
		{"revocation by root", record.KindRevoke, []record.Scope{record.RevocationScope(app, "root", 1)}, true, record.QuotaRoot},
		{"lift", record.KindLift, []record.Scope{record.LiftScope(app, 1)}, true, record.QuotaRoot},
		{"veto", record.KindVeto, []record.Scope{{Kind: record.ScopeRecovery, Number: 1}}, true, record.QuotaRoot},
		{"governance", record.KindGovernance, []record.Scope{{Kind: record.ScopeOperator, Operator: "acme", Number: 1}}, false, record.QuotaOrdinary},
		{"no scopes", record.KindPublish, nil, false, record.QuotaOrdinary},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := record.NewHeader("c", tt.kind, edKey(t, "submitter"), "", nil, tt.scopes...)
			if got := h.Emergency(); got != tt.emergency {
				t.Errorf("emergency %v, want %v", got, tt.emergency)
			}
			if got := record.QuotaClassOf(h.Scopes); got != tt.class {
				t.Errorf("class %d, want %d", got, tt.class)
			}
		})
	}
}

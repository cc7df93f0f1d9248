package main

import (
	"fmt"
	"time"

	"hullmark/bundle"
	"hullmark/reference"
	"hullmark/tuf"
)

// checkRoot refuses to sign below a root that is expired: the ledger takes nothing
// there but a new root.
func checkRoot(root *tuf.Root) error {
	if root.Expired(time.Now()) {
		return fmt.Errorf("%w, since %s", errRootExpired, stamp(root.Expires))
	}
	return nil
}

// soon is how long before its expiry a file is warned about.
const soon = 30 * day

// warnExpiry warns of what in a repository expires soon, but for the list of tags
// of a role that is about to be signed anew.
func (s *session) warnExpiry(r *bundle.Result, signing string) {
	now := time.Now()
	for _, role := range r.Roles {
		if role.Name == signing {
			continue
		}
		if left := role.Expires.Sub(now); left > 0 && left < soon {
			s.warn("%s of %s expires in %s; renew it with %s", role.Name, r.Repository, age(left), renewal(r.Repository, role.Name))
		}
	}
}

// renewal is the command that signs the file of a role anew.
func renewal(name reference.Repository, role string) string {
	switch role {
	case tuf.RoleRoot:
		return fmt.Sprintf("`hullmark repo rotate %s`", name)
	case tuf.RoleTargets:
		return fmt.Sprintf("`hullmark repo refresh %s`", name)
	default:
		return fmt.Sprintf("`hullmark repo refresh %s --role %s`", name, role)
	}
}

package change

import "errors"

var (
	// ErrRequest reports bytes that are not a signing request, or a request that
	// contradicts itself.
	ErrRequest = errors.New("not a signing request")
	// ErrIncomplete says that more keys must sign a request.
	ErrIncomplete = errors.New("more signatures are needed")
	// ErrNotSigner says that a key has nothing to sign in a request.
	ErrNotSigner = errors.New("the key has nothing to sign here")
	// ErrNotAdopted says that keys which hold a role no more, such as stolen ones, have
	// signed what its list says. Signing the list anew would vouch for all of it.
	ErrNotAdopted = errors.New("keys that the repository has no more have signed the list of tags and delegations; decide about each of them before it is signed again")
	// ErrNothingInherited says that an adoption was given and the list is one that the
	// role's keys have signed.
	ErrNothingInherited = errors.New("there is nothing to adopt or to leave out")
	// ErrNotDelegated says that no file of a repository delegates to a role.
	ErrNotDelegated = errors.New("no role of the repository delegates to it")
	// ErrNotFound says that a tag which is to be withdrawn is not there.
	ErrNotFound = errors.New("not found")
)

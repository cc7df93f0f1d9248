package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"hullmark/reference"
)

var (
	// ErrRegistry says that a registry could not be asked, or gave no answer that
	// makes sense.
	ErrRegistry = errors.New("couldn't ask the registry")
	// ErrDenied says that a registry wants other credentials. It comes with
	// ErrRegistry.
	ErrDenied = errors.New("the registry denies access")
	// ErrNotFound says that a registry has no such image. It comes with ErrRegistry.
	ErrNotFound = errors.New("the registry has no such image")
)

// Registry says how registries are asked. The zero value asks by the credentials of
// the Docker configuration.
type Registry struct {
	// Insecure allows plain HTTP to registries on other machines. Those on this
	// machine may always speak it.
	Insecure bool
	// UserAgent names the program.
	UserAgent string
}

// Manifest returns the manifest that a registry serves for a reference. Errors wrap
// ErrRegistry, or the context's.
//
// The manifest itself is fetched, so that the caller hashes it: what a registry
// says about it in a header need not be what it serves. That it is the one asked
// for, when the reference names a digest, is checked here.
func (r Registry) Manifest(ctx context.Context, ref reference.Reference) ([]byte, error) {
	b, err := r.manifest(ctx, ref)
	switch {
	case err == nil:
		return b, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("couldn't ask the registry about %s: %w", ref, ctx.Err())
	default:
		return nil, fmt.Errorf("couldn't ask the registry about %s: %w", ref, &registryError{err})
	}
}

func (r Registry) manifest(ctx context.Context, ref reference.Reference) ([]byte, error) {
	var options []name.Option
	if r.Insecure {
		options = append(options, name.Insecure)
	}
	text := ref.String()
	d, byDigest := ref.Digest()
	if byDigest {
		text = ref.Repository().WithDigest(d).String()
	}
	parsed, err := name.ParseReference(text, options...)
	if err != nil {
		return nil, err
	}
	descriptor, err := remote.Get(parsed, remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent(r.UserAgent))
	if err != nil {
		return nil, err
	}
	if byDigest && !d.Matches(descriptor.Manifest) {
		return nil, errors.New("the manifest has another digest than asked for")
	}
	return descriptor.Manifest, nil
}

// registryError is what a registry, or the way to it, did wrong.
type registryError struct{ error }

// Unwrap implements the errors of this package.
func (e *registryError) Unwrap() []error {
	wrapped := []error{ErrRegistry, e.error}
	var status *transport.Error
	if errors.As(e.error, &status) {
		switch status.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden:
			wrapped = append(wrapped, ErrDenied)
		case http.StatusNotFound:
			wrapped = append(wrapped, ErrNotFound)
		}
	}
	return wrapped
}

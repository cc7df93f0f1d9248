package oci

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"hullmark/reference"
)

// Registry says how registries are asked. The zero value asks by the credentials of
// the Docker configuration.
type Registry struct {
	// Insecure allows plain HTTP to registries on other machines that speak no TLS.
	// Those on this machine may always speak it. A certificate that is not trusted and
	// a handshake that breaks off are refused all the same.
	Insecure bool
	// UserAgent names the program.
	UserAgent string
}

// Manifest returns the manifest or index that a registry serves for a reference, of at
// most 4 MiB. Errors wrap ErrRegistry, or the context's.
//
// The manifest itself is fetched, so that the caller hashes it: what a registry
// says about it in a header need not be what it serves. That it is the one asked
// for, when the reference names a digest, is checked here, and so is that it is whole
// and a manifest: what is not is never worth a signature.
func (r Registry) Manifest(ctx context.Context, ref reference.Reference) ([]byte, error) {
	b, err := r.manifest(ctx, ref)
	switch {
	case err == nil:
		return b, nil
	case ctx.Err() != nil && !errors.Is(err, ErrCredentials):
		return nil, fmt.Errorf("couldn't ask the registry about %s: %w", ref, &registryError{ctx.Err()})
	default:
		return nil, fmt.Errorf("couldn't ask the registry about %s: %w", ref, &registryError{err})
	}
}

func (r Registry) manifest(ctx context.Context, ref reference.Reference) ([]byte, error) {
	text := ref.String()
	d, byDigest := ref.Digest()
	if byDigest {
		text = ref.Repository().WithDigest(d).String()
	}
	parsed, err := name.ParseReference(text)
	if err != nil {
		return nil, err
	}
	g := &guard{inner: remote.DefaultTransport, anywhere: r.Insecure}
	if host := parsed.Context().RegistryStr(); r.Insecure || isLoopback(host) {
		if g.clear, err = speaksNoTLS(ctx, host); err != nil {
			return nil, err
		}
	}
	if g.clear {
		if parsed, err = name.ParseReference(text, name.Insecure); err != nil {
			return nil, err
		}
	}
	descriptor, err := remote.Get(parsed, remote.WithContext(ctx), remote.WithTransport(g),
		remote.WithAuthFromKeychain(keychain{}), remote.WithUserAgent(r.UserAgent))
	if err != nil {
		return nil, err
	}
	if byDigest && !d.Matches(descriptor.Manifest) {
		return nil, errors.New("the manifest has another digest than asked for")
	}
	if err := checkManifest(string(descriptor.MediaType), descriptor.Manifest); err != nil {
		return nil, err
	}
	return descriptor.Manifest, nil
}

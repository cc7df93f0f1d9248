package oci

import "time"

const (
	// maxManifest bounds a manifest or index in bytes: the least that registries must
	// take by the distribution specification, and what they take in practice.
	maxManifest = 4 << 20

	// maxOther bounds every other body of a registry in bytes: tokens and errors.
	maxOther = 1 << 20

	// maxRedirects bounds the redirects that one question follows, as browsers and
	// Go's own client do. A registry needs two: to its storage, and from an old name.
	maxRedirects = 10

	// maxDescriptors bounds the layers of a manifest and the manifests of an index.
	// What a container engine runs has at most 127 layers.
	maxDescriptors = 10_000

	// maxConfig bounds the Docker configuration in bytes.
	maxConfig = 1 << 20

	// maxHelperOutput bounds what is read of a credential helper in bytes: user,
	// secret, and the tokens of clouds, which have some kilobytes.
	maxHelperOutput = 64 << 10

	// helperGrace is how long a helper's descendants may hold its output open after
	// it has ended or was killed.
	helperGrace = time.Second

	// probeTime bounds the question whether a registry speaks TLS.
	probeTime = 10 * time.Second
)

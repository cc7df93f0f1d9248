// Package reference names container images: repositories, tags, digests and the
// namespaces that operators own.
//
// # Terms
//
// A repository name is a registry host followed by a path, for example
// registry.example.com:5000/team/app. A tag is a mutable label inside one
// repository. A digest is the hash of one manifest. A reference is what a user
// types: a repository with a tag, a digest, or both. A namespace is a prefix of
// repository names that ends at a slash, such as registry.example.com or
// docker.io/library.
//
// # Canonical form
//
// Every repository has exactly one canonical name, and only canonical names are
// stored, hashed or signed. Users may write the short forms that Docker
// accepts, which [ParseRepository] and [ParseReference] normalise as Docker
// does:
//
//   - nginx and library/nginx are docker.io/library/nginx
//   - user/app is docker.io/user/app
//   - index.docker.io is docker.io
//   - the first component is a host if it contains a dot or a colon, or is
//     localhost, and something follows it
//
// [ParseCanonicalRepository] and [ParseNamespace] accept canonical text only
// and are the ones to use on data that came from a ledger or a peer.
//
// # Grammar
//
//	repository = host "/" path                 ; at most 255 bytes in all
//	host       = label *( "." label ) [ ":" port ]
//	             ; contains "." or ":", or is "localhost"
//	label      = alnum / alnum *( alnum / "-" ) alnum
//	port       = 1 to 65535 without leading zeros
//	path       = component *( "/" component )
//	             ; at least two components when host is docker.io
//	component  = 1*alnum *( separator 1*alnum )
//	separator  = "." / "_" / "__" / 1*"-"
//	alnum      = a-z / 0-9
//	tag        = ( A-Z / a-z / 0-9 / "_" ) 0*127( A-Z / a-z / 0-9 / "_" / "." / "-" )
//	digest     = "sha256:" 64HEX / "sha384:" 96HEX / "sha512:" 128HEX   ; lower case
//
// The grammar is stricter than that of registries and of Docker in four places:
// everything is ASCII, so two names that look the same are the same; hosts in
// upper case are refused instead of folded; IPv6 literals are refused; and
// docker.io/library followed by one component of 64 hexadecimal digits is
// refused in every form, because Docker takes it for an image id.
//
// The package imports the standard library only, does no I/O and never panics
// on bad input. All types are comparable and usable as map keys; the zero value
// of each is invalid and prints as the empty string.
package reference

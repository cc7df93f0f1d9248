package main

import (
	"fmt"

	"hullmark/query"
	"hullmark/record"
	"hullmark/reference"
)

// namespace is that of all repositories; the one validator's operator owns it.
const namespace = "registry.example.com"

// catalogue says what the images are called. Image i is tag i mod tags of repository
// i / tags; as many repositories as one transaction can name belong to one team,
// which signs for them with one tagging key.
type catalogue struct{ images, tags int }

// repositories is how many there are.
func (c catalogue) repositories() int { return ceil(c.images, c.tags) }

// teams is how many there are.
func (c catalogue) teams() int { return ceil(c.repositories(), record.MaxScopes) }

func ceil(n, by int) int { return (n + by - 1) / by }

// team returns the repositories of a team: from the first to before the second.
func (c catalogue) team(i int) (from, to int) {
	return i * record.MaxScopes, min((i+1)*record.MaxScopes, c.repositories())
}

// repository returns the name of a repository.
func (c catalogue) repository(i int) reference.Repository {
	return reference.MustParseRepository(fmt.Sprintf("%s/team-%d/app-%d", namespace, i/record.MaxScopes, i%record.MaxScopes))
}

// imagesOf returns the images of a repository: from the first to before the second.
func (c catalogue) imagesOf(repository int) (from, to int) {
	return repository * c.tags, min((repository+1)*c.tags, c.images)
}

// tag returns the tag of an image.
func (c catalogue) tag(image int) reference.Tag {
	return reference.MustParseTag(fmt.Sprintf("1.%d", image%c.tags))
}

// question asks what an image's tag means.
func (c catalogue) question(image int) query.Resolve {
	return query.Resolve{Repository: c.repository(image / c.tags), Tag: c.tag(image)}
}

// manifest stands for the manifest of an image; no two are the same.
func (c catalogue) manifest(image int) []byte { return fmt.Appendf(nil, "manifest of image %d", image) }

// digest returns the digest of an image.
func (c catalogue) digest(image int) reference.Digest {
	return reference.SumSHA256(c.manifest(image))
}

// Package oci speaks to image registries.
//
// Registries are trusted for nothing: what one serves is hashed here and compared
// with what the ledger proves. Credentials come from the Docker configuration
// (DOCKER_CONFIG, or .docker in the user's home) and the credential helpers it
// names, so that whoever can `docker pull` an image can ask about it; without an
// entry for a registry it is asked anonymously. Credentials go to the registry they
// are for, by host and port, and to the token server it names, and nowhere else.
package oci

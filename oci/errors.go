package oci

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
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
	// ErrManifest says that what a registry served is no whole manifest or index. It
	// comes with ErrRegistry.
	ErrManifest = errors.New("the registry serves no manifest")
	// ErrCertificate says that a registry's certificate is not trusted. It comes with
	// ErrRegistry.
	ErrCertificate = errors.New("the registry's certificate is not trusted")
	// ErrCredentials says that credentials could not be looked up: the Docker
	// configuration is broken, or a credential helper. It comes with ErrRegistry.
	ErrCredentials = errors.New("couldn't look up the registry's credentials")
)

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
	if isCertificate(e.error) {
		wrapped = append(wrapped, ErrCertificate)
	}
	return wrapped
}

// isCertificate reports an error about a certificate.
func isCertificate(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &invalid)
}

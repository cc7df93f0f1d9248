package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker-credential-helpers/credentials"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// keychain finds credentials as `docker pull` does, and ends when the question does:
// helpers are programs, and may wait for somebody who is not there.
type keychain struct{}

// Resolve implements authn.Keychain.
func (k keychain) Resolve(target authn.Resource) (authn.Authenticator, error) {
	return k.ResolveContext(context.Background(), target)
}

// ResolveContext implements authn.ContextKeychain. Errors wrap ErrCredentials.
func (k keychain) ResolveContext(ctx context.Context, target authn.Resource) (authn.Authenticator, error) {
	auth, err := resolve(ctx, target)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCredentials, err)
	}
	// What is in there beside credentials says where they were found.
	auth.ServerAddress = ""
	if auth == (types.AuthConfig{}) {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{
		Username: auth.Username, Password: auth.Password, Auth: auth.Auth, IdentityToken: auth.IdentityToken, RegistryToken: auth.RegistryToken,
	}), nil
}

func resolve(ctx context.Context, target authn.Resource) (types.AuthConfig, error) {
	c, err := loadConfig()
	if err != nil {
		return types.AuthConfig{}, err
	}
	for _, key := range []string{target.String(), target.RegistryStr()} {
		if key == name.DefaultRegistry {
			key = authn.DefaultAuthKey
		}
		auth, err := lookUp(ctx, c, key)
		if err != nil {
			return types.AuthConfig{}, err
		}
		auth.ServerAddress = ""
		if auth != (types.AuthConfig{}) {
			return auth, nil
		}
	}
	return types.AuthConfig{}, nil
}

// lookUp finds the credentials of one registry: those of DOCKER_AUTH_CONFIG, else those
// that its helper knows, else, if it has none, those of the file.
func lookUp(ctx context.Context, c *configfile.ConfigFile, key string) (types.AuthConfig, error) {
	helper := c.CredentialsStore
	if h, ok := c.CredentialHelpers[key]; ok {
		helper = h
	}
	file := configfile.ConfigFile{AuthConfigs: c.AuthConfigs}
	if helper == "" {
		return file.GetAuthConfig(key)
	}
	file.AuthConfigs = make(map[string]types.AuthConfig)
	if auth, err := file.GetAuthConfig(key); err != nil || auth.Username+auth.IdentityToken+auth.RegistryToken+auth.Auth != "" {
		return auth, err
	}
	found, err := askHelper(ctx, helper, key)
	switch {
	case credentials.IsErrCredentialsNotFound(err):
		return types.AuthConfig{}, nil
	case err != nil:
		return types.AuthConfig{}, err
	case found.Username == "<token>":
		return types.AuthConfig{IdentityToken: found.Secret}, nil
	default:
		return types.AuthConfig{Username: found.Username, Password: found.Secret}, nil
	}
}

// loadConfig reads the Docker configuration or, where there is none, that of Podman; an
// empty one if there is neither.
func loadConfig() (*configfile.ConfigFile, error) {
	c := configfile.New("")
	for _, path := range configFiles() {
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		err = c.LoadFromReader(io.LimitReader(f, maxConfig))
		_ = f.Close() // it was only read
		if err != nil {
			return nil, fmt.Errorf("couldn't read %s: %w", path, err)
		}
		return c, nil
	}
	return c, nil
}

// configFiles returns where configurations may lie, the first that is there counts.
// Nothing of the working directory is among them unless a variable says so: a
// configuration names programs to run.
func configFiles() []string {
	home, err := os.UserHomeDir()
	if err != nil || !filepath.IsAbs(home) {
		home = ""
	}
	var out []string
	add := func(dir string, parts ...string) {
		if dir != "" {
			out = append(out, filepath.Join(append([]string{dir}, parts...)...))
		}
	}
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		add(dir, "config.json")
	} else {
		add(home, ".docker", "config.json")
	}
	add(os.Getenv("REGISTRY_AUTH_FILE"))
	add(os.Getenv("XDG_RUNTIME_DIR"), "containers", "auth.json")
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		add(dir, "containers", "auth.json")
	} else {
		add(home, ".config", "containers", "auth.json")
	}
	return out
}

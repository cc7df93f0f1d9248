package record

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hullmark/keys"
	"hullmark/reference"
)

// ErrGenesis is returned for a genesis no network may start from.
var ErrGenesis = errors.New("invalid genesis")

// Genesis is what a consortium agrees on before its ledger starts. Its
// canonical JSON is the app_state of CometBFT's genesis file, and the ledger id
// is made from its hash (docs/spec.md, "Genesis").
type Genesis struct {
	// Name is the part of the ledger id people choose.
	Name string
	// Time is the time of the first block, in whole seconds.
	Time          time.Time
	InitialHeight uint64
	Params        Params
	// Operators, ascending by id.
	Operators []GenesisOperator
}

// GenesisOperator is one founding member.
type GenesisOperator struct {
	ID            string
	GovernanceKey keys.PublicKey
	NotaryKey     keys.PublicKey
	// ValidatorKey is the Ed25519 consensus key.
	ValidatorKey [32]byte
	// NodeID and Address say where other nodes reach the operator's node, URL where
	// clients do; hints, checked by nobody.
	NodeID  string
	Address string
	URL     string
	// Namespaces, ascending.
	Namespaces []reference.Namespace
}

// The JSON form. The order of the fields is the canonical order.
type (
	genesisJSON struct {
		Format        int                   `json:"format"`
		Name          string                `json:"name"`
		Time          string                `json:"genesis_time"`
		InitialHeight uint64                `json:"initial_height"`
		Params        paramsJSON            `json:"params"`
		Operators     []genesisOperatorJSON `json:"operators"`
	}
	genesisOperatorJSON struct {
		ID            string   `json:"id"`
		GovernanceKey keyJSON  `json:"governance_key"`
		NotaryKey     keyJSON  `json:"notary_key"`
		ValidatorKey  string   `json:"validator_key"`
		NodeID        string   `json:"node_id"`
		Address       string   `json:"address"`
		URL           string   `json:"url"`
		Namespaces    []string `json:"namespaces"`
	}
	keyJSON struct {
		Keytype string `json:"keytype"`
		Scheme  string `json:"scheme"`
		Public  string `json:"public"`
	}
)

// NotaryKeys returns the operators' notary keys, which a publisher's root lists.
func (g *Genesis) NotaryKeys() []keys.PublicKey {
	var out []keys.PublicKey
	for _, o := range g.Operators {
		out = append(out, o.NotaryKey)
	}
	return out
}

// LedgerID returns the id of the ledger that starts from g: the name, a hyphen,
// and the first 16 hex digits of the SHA-256 of the canonical genesis. It is the
// first chain id and never changes.
func (g *Genesis) LedgerID() string {
	sum := sha256.Sum256(g.Encode())
	return g.Name + "-" + hex.EncodeToString(sum[:8])
}

// Encode returns the canonical JSON.
func (g *Genesis) Encode() []byte {
	j := genesisJSON{
		Format: FormatVersion, Name: g.Name,
		Time: g.Time.UTC().Format(time.RFC3339), InitialHeight: g.InitialHeight,
		Params: g.Params.json(), Operators: []genesisOperatorJSON{},
	}
	for _, o := range g.Operators {
		j.Operators = append(j.Operators, o.json())
	}
	return marshal(j)
}

func (o *GenesisOperator) json() genesisOperatorJSON {
	j := genesisOperatorJSON{
		ID: o.ID, GovernanceKey: encodeKeyJSON(o.GovernanceKey), NotaryKey: encodeKeyJSON(o.NotaryKey),
		ValidatorKey: hex.EncodeToString(o.ValidatorKey[:]), NodeID: o.NodeID, Address: o.Address, URL: o.URL,
		Namespaces: []string{},
	}
	for _, n := range o.Namespaces {
		j.Namespaces = append(j.Namespaces, n.String())
	}
	return j
}

func encodeKeyJSON(k keys.PublicKey) keyJSON {
	return keyJSON{Keytype: k.Keytype(), Scheme: k.Scheme(), Public: k.Public()}
}

// DecodeGenesis reads a genesis and validates it. White space between tokens is
// free, since CometBFT indents its genesis file; anything else must be as
// Encode writes it.
func DecodeGenesis(b []byte) (*Genesis, error) {
	g, err := decodeGenesis(b)
	if err != nil {
		return nil, fmt.Errorf("couldn't decode genesis: %w", err)
	}
	return g, nil
}

func decodeGenesis(b []byte) (*Genesis, error) {
	if len(b) > MaxGenesisSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrGenesis, len(b), MaxGenesisSize)
	}
	var j genesisJSON
	if err := decodeStrict(b, &j); err != nil {
		if errors.Is(err, ErrNewer) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrGenesis, err)
	}
	g, err := j.genesis()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGenesis, err)
	}
	if !compactEqual(b, g.Encode()) {
		return nil, fmt.Errorf("%w: not in canonical form", ErrGenesis)
	}
	if err := g.Validate(); err != nil {
		return nil, err
	}
	return g, nil
}

func (j *genesisJSON) genesis() (*Genesis, error) {
	t, err := time.Parse(time.RFC3339, j.Time)
	if err != nil {
		return nil, err
	}
	g := &Genesis{Name: j.Name, Time: t.UTC(), InitialHeight: j.InitialHeight}
	if g.Params, err = j.Params.params(); err != nil {
		return nil, err
	}
	for _, oj := range j.Operators {
		o, err := oj.operator()
		if err != nil {
			return nil, fmt.Errorf("operator %q: %w", oj.ID, err)
		}
		g.Operators = append(g.Operators, o)
	}
	return g, nil
}

func (j *genesisOperatorJSON) operator() (GenesisOperator, error) {
	o := GenesisOperator{ID: j.ID, NodeID: j.NodeID, Address: j.Address, URL: j.URL}
	var err error
	if o.GovernanceKey, err = keys.Parse(j.GovernanceKey.Keytype, j.GovernanceKey.Scheme, j.GovernanceKey.Public); err != nil {
		return o, fmt.Errorf("governance key: %w", err)
	}
	if o.NotaryKey, err = keys.Parse(j.NotaryKey.Keytype, j.NotaryKey.Scheme, j.NotaryKey.Public); err != nil {
		return o, fmt.Errorf("notary key: %w", err)
	}
	v, err := hex.DecodeString(j.ValidatorKey)
	if err != nil || len(v) != len(o.ValidatorKey) {
		return o, errors.New("validator key is not 64 hex digits")
	}
	o.ValidatorKey = [32]byte(v)
	for _, n := range j.Namespaces {
		ns, err := reference.ParseNamespace(n)
		if err != nil {
			return o, err
		}
		o.Namespaces = append(o.Namespaces, ns)
	}
	return o, nil
}

// Validate reports what no network may start from: names and keys that are not
// valid or not unique, namespaces two operators claim, parameters out of range.
func (g *Genesis) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrGenesis, fmt.Sprintf(format, args...))
	}
	switch {
	case !ValidName(g.Name):
		return bad("name %q; use lower-case letters, digits and hyphens, at most %d", g.Name, MaxNameLength)
	case !CheckTime(g.Time) || g.Time.Nanosecond() != 0:
		return bad("genesis_time must be in whole seconds after 1970")
	case g.InitialHeight == 0 || g.InitialHeight > 1<<62:
		return bad("initial_height %d", g.InitialHeight)
	case len(g.Operators) == 0 || len(g.Operators) > MaxOperators:
		return bad("%d operators, from 1 to %d are possible", len(g.Operators), MaxOperators)
	}
	if err := g.Params.Validate(); err != nil {
		return bad("%v", err)
	}
	seen := make(map[string]string)
	unique := func(what, value, by string) error {
		if other, ok := seen[what+value]; ok {
			return bad("%s of operator %q is also operator %q's", what, by, other)
		}
		seen[what+value] = by
		return nil
	}
	for i, o := range g.Operators {
		if err := o.validate(); err != nil {
			return bad("%v", err)
		}
		if i > 0 && g.Operators[i-1].ID >= o.ID {
			return bad("operators are not ascending by id")
		}
		// One key in two places would let one theft, or one signature, count twice.
		for _, v := range o.keyIDs() {
			if err := unique("key", v, o.ID); err != nil {
				return err
			}
		}
		for _, n := range o.Namespaces {
			if err := unique("namespace", n.String(), o.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// validate reports what no operator may be, whoever the others are.
func (o *GenesisOperator) validate() error {
	if !ValidName(o.ID) {
		return fmt.Errorf("operator id %q; use lower-case letters, digits and hyphens, at most %d", o.ID, MaxNameLength)
	}
	if k := o.GovernanceKey.Keytype(); k != keys.KeytypeEd25519 && k != keys.KeytypeECDSA {
		return fmt.Errorf("governance key of operator %q is of type %q; use ed25519 or ecdsa", o.ID, k)
	}
	if k := o.NotaryKey.Keytype(); k != keys.KeytypeEd25519 {
		return fmt.Errorf("notary key of operator %q is of type %q; use ed25519", o.ID, k)
	}
	if _, err := ParseValidatorKey(o.ValidatorKey[:]); err != nil {
		return fmt.Errorf("validator key of operator %q: %w", o.ID, err)
	}
	if len(o.NodeID) > 64 || len(o.Address) > 256 || len(o.URL) > 256 || !isPlain(o.NodeID+o.Address+o.URL) {
		return fmt.Errorf("node id, address or URL of operator %q", o.ID)
	}
	if len(o.Namespaces) > MaxNamespaces || !slices.IsSortedFunc(o.Namespaces, compareNamespaces) {
		return fmt.Errorf("namespaces of operator %q are too many or not ascending", o.ID)
	}
	return nil
}

// keyIDs returns the ids of the operator's keys.
func (o *GenesisOperator) keyIDs() []string {
	return []string{o.GovernanceKey.ID().String(), o.NotaryKey.ID().String(), ed25519ID(o.ValidatorKey)}
}

func ed25519ID(k [32]byte) string {
	p, err := ParseValidatorKey(k[:])
	if err != nil {
		return ""
	}
	return p.ID().String()
}

func compareNamespaces(a, b reference.Namespace) int { return strings.Compare(a.String(), b.String()) }

// isPlain reports whether s is ASCII that JSON writes as it is.
func isPlain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r > '~' || strings.ContainsRune(`"\<>&`, r)
	})
}

package record

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"hullmark/keys"
)

// ErrCard is returned for an operator card that no genesis may be made from.
var ErrCard = errors.New("invalid operator card")

// cardTag separates signatures over cards from all others.
const cardTag = "hullmark/operator-card/v1\n"

// Card is how an operator introduces itself to those with whom it founds a ledger:
// the entry it wants in the genesis, signed by itself (docs/spec.md, "Operator
// card"). It is public.
type Card struct {
	Operator GenesisOperator
	// GovernanceSignature is the operator's, in fixed width. It is empty on a card
	// that was made on a node and still has to be signed where the key is.
	GovernanceSignature []byte
	// ValidatorSignature shows that whoever made the card holds the validator key.
	// It is empty if a remote signer holds the key: those sign votes only.
	ValidatorSignature []byte
}

// The JSON form. The order of the fields is the canonical order.
type (
	cardJSON struct {
		Format     int                 `json:"format"`
		Card       genesisOperatorJSON `json:"card"`
		Signatures cardSignaturesJSON  `json:"signatures"`
	}
	cardSignaturesJSON struct {
		Governance string `json:"governance"`
		Validator  string `json:"validator"`
	}
)

// Encode returns the canonical JSON.
func (c *Card) Encode() []byte {
	return marshal(cardJSON{
		Format: FormatVersion, Card: c.Operator.json(),
		Signatures: cardSignaturesJSON{hex.EncodeToString(c.GovernanceSignature), hex.EncodeToString(c.ValidatorSignature)},
	})
}

// Message returns what both keys sign: a domain tag and the operator's entry as it
// stands in a canonical genesis.
func (c *Card) Message() []byte { return append([]byte(cardTag), marshal(c.Operator.json())...) }

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		// Structs of strings and numbers cannot fail to encode.
		panic("record: couldn't encode JSON: " + err.Error())
	}
	return b
}

// DecodeCard reads a card, signed or not yet, and validates its content. White
// space between tokens is free; anything else must be as Encode writes it.
// Signatures are judged by Verify. Errors wrap ErrCard or ErrNewer.
func DecodeCard(b []byte) (*Card, error) {
	c, err := decodeCard(b)
	if err != nil {
		return nil, fmt.Errorf("couldn't decode operator card: %w", err)
	}
	return c, nil
}

func decodeCard(b []byte) (*Card, error) {
	if len(b) > MaxCardSize {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrCard, len(b), MaxCardSize)
	}
	var j cardJSON
	if err := decodeStrict(b, &j); err != nil {
		if errors.Is(err, ErrNewer) {
			return nil, err
		}
		return nil, fmt.Errorf("%w: %w", ErrCard, err)
	}
	c := new(Card)
	var err error
	if c.Operator, err = j.Card.operator(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCard, err)
	}
	for _, s := range []struct {
		text string
		to   *[]byte
	}{{j.Signatures.Governance, &c.GovernanceSignature}, {j.Signatures.Validator, &c.ValidatorSignature}} {
		signature, err := hex.DecodeString(s.text)
		if err != nil || len(signature) != 0 && len(signature) != keys.FixedSize {
			return nil, fmt.Errorf("%w: a signature is not %d hex digits", ErrCard, 2*keys.FixedSize)
		}
		if len(signature) > 0 {
			*s.to = signature
		}
	}
	if !compactEqual(b, c.Encode()) {
		return nil, fmt.Errorf("%w: not in canonical form", ErrCard)
	}
	if err := c.Validate(); err != nil {
		return nil, err
	}
	return c, nil
}

// decodeStrict decodes a JSON text with a format field at its top. Unknown fields
// are errors, but ErrNewer comes first: a newer format may well have such.
func decodeStrict(b []byte, to any) error {
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(b, &head); err == nil && head.Format > FormatVersion {
		return fmt.Errorf("%w: version %d", ErrNewer, head.Format)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return dec.Decode(to)
}

// compactEqual reports whether a JSON text is the canonical one but for white space.
func compactEqual(b, canonical []byte) bool {
	var compact bytes.Buffer
	return json.Compact(&compact, b) == nil && bytes.Equal(compact.Bytes(), canonical)
}

// Validate reports content that no founding member may have. It is stricter than
// a genesis: here the operator can still mend it.
func (c *Card) Validate() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrCard, fmt.Sprintf(format, args...))
	}
	o := &c.Operator
	if err := o.validate(); err != nil {
		return bad("%v", err)
	}
	ids := o.keyIDs()
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 3 {
		return bad("operator %q uses one key for two purposes", o.ID)
	}
	if len(o.NodeID) != 40 || !lowerHex(o.NodeID) {
		return bad("node id %q is not 40 lower-case hex digits", o.NodeID)
	}
	if host, ok := splitPort(o.Address, true); !ok || !reachable(host) {
		return bad("address %q; use HOST:PORT, as other operators' nodes reach it", o.Address)
	}
	rest, ok := strings.CutPrefix(o.URL, "https://")
	if !ok {
		rest, ok = strings.CutPrefix(o.URL, "http://")
	}
	if host, okHost := splitPort(rest, false); !ok || !okHost || !reachable(host) {
		return bad("url %q; use https://HOST or https://HOST:PORT, as clients reach it", o.URL)
	}
	for i, n := range o.Namespaces {
		if i > 0 && o.Namespaces[i-1] == n {
			return bad("namespace %s is listed twice", n)
		}
	}
	return nil
}

// Verify judges the signatures: the operator's must be there, the validator key's
// must be right if it is there.
func (c *Card) Verify() error {
	fail := func(what string, err error) error {
		return fmt.Errorf("couldn't verify card of operator %q: %w: %s: %w", c.Operator.ID, ErrCard, what, err)
	}
	if len(c.GovernanceSignature) == 0 {
		return fmt.Errorf("couldn't verify card of operator %q: %w: the operator has not signed it yet", c.Operator.ID, ErrCard)
	}
	if err := keys.VerifyFixed(keys.Direct{}, c.Operator.GovernanceKey, c.Message(), c.GovernanceSignature); err != nil {
		return fail("signature by the governance key", err)
	}
	if !c.ProvesValidator() {
		return nil
	}
	validator, err := ParseValidatorKey(c.Operator.ValidatorKey[:])
	if err == nil {
		err = keys.VerifyFixed(keys.Direct{}, validator, c.Message(), c.ValidatorSignature)
	}
	if err != nil {
		return fail("signature by the validator key", err)
	}
	return nil
}

// ProvesValidator reports whether the card carries the validator key's signature.
func (c *Card) ProvesValidator() bool { return len(c.ValidatorSignature) > 0 }

// Founding is what a genesis is made of beside the cards.
type Founding struct {
	Name   string
	Time   time.Time
	Params Params
	// Development allows fewer than MinValidators operators.
	Development bool
}

// Genesis makes the genesis of a ledger from its founders' cards. The order of the
// cards makes no difference. Cards that do not verify, or that claim what another
// one has, are refused with ErrCard; everything else wraps ErrGenesis.
func (f Founding) Genesis(cards []*Card) (*Genesis, error) {
	g := &Genesis{Name: f.Name, Time: f.Time.UTC(), InitialHeight: 1, Params: f.Params}
	for _, c := range cards {
		if err := errors.Join(c.Validate(), c.Verify()); err != nil {
			return nil, fmt.Errorf("couldn't make genesis: %w", err)
		}
		g.Operators = append(g.Operators, c.Operator)
	}
	slices.SortStableFunc(g.Operators, func(a, b GenesisOperator) int { return cmp.Compare(a.ID, b.ID) })
	if err := distinct(g.Operators); err != nil {
		return nil, fmt.Errorf("couldn't make genesis: %w", err)
	}
	if len(g.Operators) < MinValidators && !f.Development {
		return nil, fmt.Errorf("couldn't make genesis: %w: %d operators; fewer than %d cannot lose any, which is for development only",
			ErrGenesis, len(g.Operators), MinValidators)
	}
	if err := g.Validate(); err != nil {
		return nil, fmt.Errorf("couldn't make genesis: %w", err)
	}
	return g, nil
}

// distinct refuses operators that claim the same thing.
func distinct(operators []GenesisOperator) error {
	seen := make(map[[2]string]string)
	for _, o := range operators {
		claims := [][2]string{{"id", o.ID}, {"node id", o.NodeID}, {"address", o.Address}, {"url", o.URL}}
		for _, id := range o.keyIDs() {
			claims = append(claims, [2]string{"key", id})
		}
		for _, claim := range claims {
			if other, ok := seen[claim]; ok {
				return fmt.Errorf("%w: operators %q and %q have the same %s, %s", ErrCard, other, o.ID, claim[0], claim[1])
			}
			seen[claim] = o.ID
		}
	}
	for i, a := range operators {
		for _, b := range operators[i+1:] {
			for _, m := range a.Namespaces {
				for _, n := range b.Namespaces {
					if m.Covers(n) || n.Covers(m) {
						return fmt.Errorf("%w: operator %q claims %s and operator %q claims %s, which overlap", ErrCard, a.ID, m, b.ID, n)
					}
				}
			}
		}
	}
	return nil
}

// splitPort returns the host of "host:port"; the port may be missing unless it is
// needed.
func splitPort(s string, needed bool) (host string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return s, !needed
	}
	port, err := strconv.ParseUint(s[i+1:], 10, 16)
	// ParseUint takes leading zeros; formatting the number again finds them.
	return s[:i], err == nil && port > 0 && strconv.FormatUint(port, 10) == s[i+1:]
}

// reachable reports whether a host is a name, an IPv4 address or an IPv6 address
// in brackets, and not the address that stands for any.
func reachable(host string) bool {
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		address, err := netip.ParseAddr(inner)
		return ok && err == nil && address.Is6() && !address.Unmap().IsUnspecified() &&
			!strings.ContainsFunc(inner, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef:.", r) })
	}
	last := ""
	for label := range strings.SplitSeq(host, ".") {
		last = label
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefghijklmnopqrstuvwxyz-", r) }) {
			return false
		}
	}
	if strings.Trim(last, "0123456789") != "" {
		return true
	}
	// Programs take a host that ends in a number for an address, in whatever form.
	address, err := netip.ParseAddr(host)
	return err == nil && !address.IsUnspecified()
}

func lowerHex(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789abcdef", r) })
}

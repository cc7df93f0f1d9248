package store

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"hullmark/merkle"
)

// formatVersion is the first byte of the records that say where everything else
// is. A store of another format is not opened.
const formatVersion = 2

// versionRecord is what is stored of one version besides map and log.
type versionRecord struct {
	version uint64
	root    merkle.MapRef
	log     merkle.LogHead
	meta    []byte
	extra   []byte
}

// emptyVersion is the state before anything is committed.
func emptyVersion() versionRecord {
	return versionRecord{log: merkle.EmptyLogHead()}
}

func (r *versionRecord) state() merkle.AppState {
	return merkle.AppState{Log: r.log, Map: r.root.Hash, Meta: slices.Clone(r.meta)}
}

func (r *versionRecord) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{formatVersion}, r.version)
	b = append(b, r.root.Encode()...)
	b = append(b, r.log.Encode()...)
	b = binary.AppendUvarint(b, uint64(len(r.meta)))
	b = append(b, r.meta...)
	b = binary.AppendUvarint(b, uint64(len(r.extra)))
	return seal(append(b, r.extra...))
}

// decodeVersionRecord is the inverse of encode.
func decodeVersionRecord(b []byte) (versionRecord, error) {
	const fixed = 1 + 8 + merkle.MapRefSize + merkle.LogHeadSize
	b, err := unseal(b)
	if err != nil {
		return versionRecord{}, err
	}
	if len(b) < fixed || b[0] != formatVersion {
		return versionRecord{}, fmt.Errorf("%w: version record of %d bytes", ErrCorrupt, len(b))
	}
	r := versionRecord{version: binary.BigEndian.Uint64(b[1:])}
	if r.root, err = merkle.DecodeMapRef(b[9 : 9+merkle.MapRefSize]); err != nil {
		return versionRecord{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if r.log, err = merkle.DecodeLogHead(b[9+merkle.MapRefSize : fixed]); err != nil {
		return versionRecord{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	var rest []byte
	if r.meta, rest, err = cutBytes(b[fixed:], merkle.MaxMetaSize); err != nil {
		return versionRecord{}, err
	}
	if r.extra, rest, err = cutBytes(rest, MaxExtraSize); err != nil {
		return versionRecord{}, err
	}
	if r.version == 0 || r.root.Version > r.version || len(rest) != 0 {
		return versionRecord{}, fmt.Errorf("%w: version record of version %d", ErrCorrupt, r.version)
	}
	return r, nil
}

// cutBytes cuts off bytes that stand behind their length, and copies them.
func cutBytes(b []byte, limit int) (cut, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || size > 1 && b[size-1] == 0 || n > uint64(limit) || n > uint64(len(b)-size) {
		return nil, nil, fmt.Errorf("%w: wrong length in a record", ErrCorrupt)
	}
	b = b[size:]
	if n > 0 {
		cut = slices.Clone(b[:n])
	}
	return cut, b[n:], nil
}

// latestRecord is the record everything is found from.
type latestRecord struct {
	appHash merkle.Hash
	oldest  uint64 // oldest version kept
	origin  Origin
	record  versionRecord
}

func (l *latestRecord) encode() []byte {
	b := append([]byte{formatVersion}, l.appHash[:]...)
	b = binary.BigEndian.AppendUint64(b, l.oldest)
	b = append(b, l.origin[:]...)
	return seal(append(b, l.record.encode()...))
}

// decodeLatestRecord is the inverse of encode. It checks that the app hash is
// that of the state.
func decodeLatestRecord(b []byte) (latestRecord, error) {
	const fixed = 1 + merkle.HashSize + 8 + sha256.Size
	if len(b) > 0 && b[0] != formatVersion {
		return latestRecord{}, fmt.Errorf("%w: format %d instead of %d", ErrFormat, b[0], formatVersion)
	}
	b, err := unseal(b)
	if err != nil {
		return latestRecord{}, err
	}
	if len(b) < fixed {
		return latestRecord{}, fmt.Errorf("%w: latest record of %d bytes", ErrCorrupt, len(b))
	}
	l := latestRecord{
		appHash: merkle.Hash(b[1:]),
		oldest:  binary.BigEndian.Uint64(b[1+merkle.HashSize:]),
		origin:  Origin(b[1+merkle.HashSize+8:]),
	}
	if l.record, err = decodeVersionRecord(b[fixed:]); err != nil {
		return latestRecord{}, err
	}
	if l.oldest == 0 || l.oldest > l.record.version {
		return latestRecord{}, fmt.Errorf("%w: oldest version %d of %d", ErrCorrupt, l.oldest, l.record.version)
	}
	if l.record.state().AppHash() != l.appHash {
		return latestRecord{}, fmt.Errorf("%w: app hash is not that of the latest state", ErrCorrupt)
	}
	return l, nil
}

// encodeValue returns a value as it is stored, behind its key.
func encodeValue(key, value []byte) []byte {
	b := binary.AppendUvarint(make([]byte, 0, 2+len(key)+len(value)), uint64(len(key)))
	b = append(b, key...)
	return append(b, value...)
}

// decodeValue is the inverse of encodeValue. It copies.
func decodeValue(b []byte) (key, value []byte, err error) {
	key, value, err = cutBytes(b, merkle.MaxKeySize)
	if err != nil {
		return nil, nil, err
	}
	if len(key) == 0 || len(value) == 0 || len(value) > merkle.MaxValueSize {
		return nil, nil, fmt.Errorf("%w: stored value of %d bytes", ErrCorrupt, len(b))
	}
	return key, slices.Clone(value), nil
}

// contentHeader is the size of what stands before a stored content.
const contentHeader = 8 + checksumSize

// encodeContent returns a content as it is stored: behind the version that stored
// it last. The checksum covers the version only; the content has its digest.
func encodeContent(version uint64, content []byte) []byte {
	b := make([]byte, 0, contentHeader+len(content))
	b = seal(binary.BigEndian.AppendUint64(b, version))
	return append(b, content...)
}

// decodeContent is the inverse of encodeContent for a content of known digest,
// which it checks. It does not copy.
func decodeContent(digest [sha256.Size]byte, b []byte) (version uint64, content []byte, err error) {
	if len(b) <= contentHeader || len(b) > contentHeader+MaxContentSize {
		return 0, nil, fmt.Errorf("%w: content %x of %d bytes", ErrCorrupt, digest, len(b))
	}
	if version, err = contentVersion(b); err != nil {
		return 0, nil, fmt.Errorf("content %x: %w", digest, err)
	}
	if content = b[contentHeader:]; sha256.Sum256(content) != digest {
		return 0, nil, fmt.Errorf("%w: content %x has another digest", ErrCorrupt, digest)
	}
	return version, content, nil
}

// contentVersion returns the version that stored a content last.
func contentVersion(b []byte) (uint64, error) {
	if len(b) <= contentHeader {
		return 0, fmt.Errorf("%w: stored content of %d bytes", ErrCorrupt, len(b))
	}
	header, err := unseal(b[:contentHeader])
	if err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint64(header), nil
}

// encodeStale encodes a stale list: database keys to delete.
func encodeStale(nodes []merkle.NodeKey, values []merkle.ValueKey, contents [][sha256.Size]byte) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(nodes)+len(values)+len(contents)))
	for _, k := range nodes {
		key := nodeKey(k)
		b = append(append(b, byte(len(key))), key...)
	}
	for _, k := range values {
		key := valueKey(k)
		b = append(append(b, byte(len(key))), key...)
	}
	for _, d := range contents {
		key := contentKey(d)
		b = append(append(b, byte(len(key))), key...)
	}
	return seal(b)
}

// decodeStale is the inverse of encodeStale for the list of a version. It returns
// slices of b, and refuses keys that no version could replace.
func decodeStale(version uint64, b []byte) ([][]byte, error) {
	corrupt := func() ([][]byte, error) {
		return nil, fmt.Errorf("%w: stale list of version %d", ErrCorrupt, version)
	}
	b, err := unseal(b)
	if err != nil || len(b) < 4 {
		return corrupt()
	}
	count := int(binary.BigEndian.Uint32(b))
	b = b[4:]
	var keys [][]byte
	for len(b) > 0 {
		n := int(b[0])
		if n == 0 || len(b) < 1+n {
			return corrupt()
		}
		key := b[1 : 1+n]
		b = b[1+n:]
		if err := checkStale(version, key); err != nil {
			return corrupt()
		}
		keys = append(keys, key)
	}
	if len(keys) != count {
		return corrupt()
	}
	return keys, nil
}

// checkStale refuses a key that the given version could not have replaced.
func checkStale(version uint64, key []byte) error {
	var old uint64
	switch key[0] {
	case prefixNode:
		k, err := parseNodeKey(key)
		if err != nil {
			return err
		}
		old = k.Version
	case prefixContent:
		// The entry says when it was stored last, which may be later.
		_, err := parseContentKey(key)
		return err
	default:
		k, err := parseValueKey(key)
		if err != nil {
			return err
		}
		old = k.Version
	}
	if old == 0 || old >= version {
		return fmt.Errorf("%w: version %d replaced an entry of version %d", ErrCorrupt, version, old)
	}
	return nil
}

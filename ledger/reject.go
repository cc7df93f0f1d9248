package ledger

import (
	"errors"

	"hullmark/record"
	"hullmark/tuf"
)

// rejectMetadata gives an error of package tuf its rejection code. It is the one
// table between the two; what it does not name breaks some rule of the format. Damage to
// a stored file says nothing about the transaction: it is the node's own error, whatever
// it was noticed by.
func rejectMetadata(err error) error {
	if errors.Is(err, tuf.ErrStored) {
		return err
	}
	for _, m := range []struct {
		is   error
		code record.Code
	}{
		{tuf.ErrTooLarge, record.CodeMetadataTooLarge},
		{tuf.ErrExpired, record.CodeExpired},
		{tuf.ErrBadSignature, record.CodeBadSignature},
		{tuf.ErrTooFewSignatures, record.CodeThreshold},
		{tuf.ErrUnknownKey, record.CodeUnknownKey},
		{tuf.ErrBinding, record.CodeWrongBinding},
		{tuf.ErrVersion, record.CodeWrongVersion},
		{tuf.ErrStaleBase, record.CodeStaleBase},
		{tuf.ErrType, record.CodeWrongRole},
		{tuf.ErrRole, record.CodeWrongRole},
		{tuf.ErrSyntax, record.CodeNotCanonical},
		{tuf.ErrNotCanonical, record.CodeNotCanonical},
		{tuf.ErrTooDeep, record.CodeNotCanonical},
		{tuf.ErrDuplicateKey, record.CodeNotCanonical},
		{tuf.ErrNull, record.CodeNotCanonical},
		{tuf.ErrNumber, record.CodeNotCanonical},
		{tuf.ErrCharacter, record.CodeNotCanonical},
		{tuf.ErrUnknownField, record.CodeNotCanonical},
		{tuf.ErrMissingField, record.CodeNotCanonical},
	} {
		if errors.Is(err, m.is) {
			return record.Reject(m.code, "%v", err)
		}
	}
	return record.Reject(record.CodeInvalidMetadata, "%v", err)
}

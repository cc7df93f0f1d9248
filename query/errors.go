package query

import "errors"

// ErrQuestion reports a question that cannot be asked.
var ErrQuestion = errors.New("invalid question")

//go:build !unix

package safefile

import "io/fs"

// ownerOf knows nothing here, so nothing is checked.
func ownerOf(fs.FileInfo) (owner, bool) { return owner{}, false }

// rulesHere returns rules that nothing is judged by.
func rulesHere() rules { return rules{} }

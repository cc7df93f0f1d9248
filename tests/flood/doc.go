// Package flood sends junk to networks, by every way in, beside an honest
// publisher who must not notice.
package flood

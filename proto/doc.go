// Package proto holds the messages Hullmark programs exchange, generated from
// the sources under hullmark/v1, and the two strict codecs every program uses
// for them: canonical binary (transaction bodies, which are hashed and signed)
// and ProtoJSON (bundles, trust anchors and HTTP messages, which are not).
//
// Nothing in this package is hashed for ever; such bytes belong to package
// record.
package proto

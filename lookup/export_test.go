package lookup

// For tests.
var (
	BridgeHeights = bridgeHeights
	AddTargets    = addTargets
)

package lookup

// For tests.
var (
	IntermediateHeights = intermediateHeights
	AddTargets          = addTargets
)

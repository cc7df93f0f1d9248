package query

import "strings"

// Paths of what a node serves beside answers to questions.
const (
	// PathSubmit takes transactions.
	PathSubmit = "/v1/tx"
	// PathStatus tells how a node is doing, unproven.
	PathStatus = "/v1/status"
	// PathHealth answers while the process serves.
	PathHealth = "/healthz"
	// PathReady answers whether the node can give fresh answers with proofs.
	PathReady = "/readyz"
)

// route is where questions are asked.
type route struct {
	// pattern is the path. A last element in braces stands for an argument.
	pattern string
	parse   func(*parameters) Question
}

// routes lists the places where questions are asked, each once.
func routes() []route {
	return []route{
		{PathResolve, parseTag},
		{pathImage, parseImage},
		{pathRepository, parseRepository},
		{pathHistory, parseHistory},
		{pathReceipt + "{hash}", parseReceipt},
		{pathInclusion, parseInclusion},
		{pathConsistency, parseConsistency},
		{pathMetadata, parseMetadata},
		{pathContent + "{digest}", parseContent},
		{PathLightBlock, parseLightBlock},
	}
}

// Routes returns the paths at which questions are asked, as patterns of http.ServeMux.
func Routes() []string {
	var out []string
	for _, r := range routes() {
		out = append(out, r.pattern)
	}
	return out
}

// match returns the parser of a path, and what the path says beyond its route.
func match(path string) (parse func(*parameters) Question, argument string, ok bool) {
	for _, r := range routes() {
		prefix, _, variable := strings.Cut(r.pattern, "{")
		if path == r.pattern && !variable {
			return r.parse, "", true
		}
		if argument, ok := strings.CutPrefix(path, prefix); ok && variable && argument != "" && !strings.Contains(argument, "/") {
			return r.parse, argument, true
		}
	}
	return nil, "", false
}

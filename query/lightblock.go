package query

import (
	"net/url"
	"strconv"
)

// KindLightBlock is the kind of LightBlock.
const KindLightBlock Kind = "light-block"

// PathLightBlock is where light blocks are asked for.
const PathLightBlock = "/v1/light-block"

// LightBlock asks for a header with the commit that signed it and the validators who did.
type LightBlock struct {
	// Height of the block; zero for the newest.
	Height uint64
}

// Kind implements Question.
func (q LightBlock) Kind() Kind { return KindLightBlock }

// String implements Question.
func (q LightBlock) String() string { return "light-block/" + strconv.FormatUint(q.Height, 10) }

// Check implements Question.
func (q LightBlock) Check() error { return checkNumbers(q.Height) }

func (q LightBlock) rests() foundation { return onItself }

func (q LightBlock) encode(v url.Values) string {
	setNumber(v, "height", q.Height)
	return PathLightBlock
}

func parseLightBlock(p *parameters) Question { return LightBlock{Height: p.number("height")} }

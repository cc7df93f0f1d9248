package consensus

import (
	"container/heap"
	"math"
	"time"

	"hullmark/sim"
)

// cpu is a machine whose cores are shared evenly by everything that wants to run,
// as an operating system's scheduler does: with more jobs than cores each runs at
// its share of a core.
type cpu struct {
	sim   *sim.Simulation
	cores float64
	jobs  jobs
	// done is the work, in nanoseconds, that a job present from the start had got.
	done    float64
	changed time.Duration
	timer   sim.Timer
	serial  uint64
	// busy is the work done so far, over all cores.
	busy float64
	// small is work that nobody waits for and that was too little to be a job.
	small time.Duration
}

type job struct {
	ends   float64 // by the measure of cpu.done
	serial uint64
	do     func()
}

func newCPU(s *sim.Simulation, cores int) *cpu { return &cpu{sim: s, cores: float64(cores)} }

// rate is the share of a core each job gets.
func (c *cpu) rate() float64 {
	if n := float64(len(c.jobs)); n > c.cores {
		return c.cores / n
	}
	return 1
}

// advance gives the jobs what they got since the last change.
func (c *cpu) advance() {
	now := c.sim.Now()
	if len(c.jobs) > 0 {
		got := float64(float64(now-c.changed) * c.rate())
		c.done += got
		c.busy += float64(got * float64(len(c.jobs)))
	}
	c.changed = now
}

// run calls do when a job that needs a core for so long is over; do may be nil.
func (c *cpu) run(work time.Duration, do func()) {
	if work <= 0 {
		if do != nil {
			c.sim.After(0, do)
		}
		return
	}
	c.advance()
	c.serial++
	heap.Push(&c.jobs, job{c.done + float64(work), c.serial, do})
	c.schedule()
}

// leastJob is when small work that nobody waits for adds up to a job. It is short
// beside everything that is waited for, and saves most of the events.
const leastJob = 500 * time.Microsecond

// background does work that nobody waits for.
func (c *cpu) background(work time.Duration) {
	if c.small += work; c.small >= leastJob {
		c.run(c.small, nil)
		c.small = 0
	}
}

// schedule sets the timer for the job that ends first.
func (c *cpu) schedule() {
	c.timer.Stop()
	if len(c.jobs) == 0 {
		c.done = 0
		return
	}
	left := math.Ceil(float64(max(0, c.jobs[0].ends-c.done) / c.rate()))
	c.timer = c.sim.After(time.Duration(left), c.finish)
}

func (c *cpu) finish() {
	c.advance()
	var over []func()
	// Times are whole nanoseconds, so what ends within one ends now.
	for len(c.jobs) > 0 && c.jobs[0].ends <= c.done+1 {
		if j := heap.Pop(&c.jobs).(job); j.do != nil {
			over = append(over, j.do)
		}
	}
	c.schedule()
	for _, do := range over {
		do()
	}
}

// jobs is a heap by end, and among those that end together by arrival.
type jobs []job

func (j jobs) Len() int { return len(j) }
func (j jobs) Less(a, b int) bool {
	if j[a].ends != j[b].ends {
		return j[a].ends < j[b].ends
	}
	return j[a].serial < j[b].serial
}
func (j jobs) Swap(a, b int) { j[a], j[b] = j[b], j[a] }
func (j *jobs) Push(x any)   { *j = append(*j, x.(job)) }
func (j *jobs) Pop() any {
	old := *j
	x := old[len(old)-1]
	old[len(old)-1] = job{}
	*j = old[:len(old)-1]
	return x
}

package sim

// fifo is a queue in the order of arrival, in a ring that grows as needed. The
// zero value is empty.
type fifo[T any] struct {
	ring  []T
	first int
	count int
}

func (f *fifo[T]) len() int { return f.count }

func (f *fifo[T]) push(v T) {
	if f.count == len(f.ring) {
		larger := make([]T, max(8, 2*len(f.ring)))
		n := copy(larger, f.ring[f.first:])
		copy(larger[n:], f.ring[:f.first])
		f.ring, f.first = larger, 0
	}
	f.ring[(f.first+f.count)%len(f.ring)] = v
	f.count++
}

func (f *fifo[T]) pop() (T, bool) {
	var none T
	if f.count == 0 {
		return none, false
	}
	v := f.ring[f.first]
	f.ring[f.first] = none
	f.first = (f.first + 1) % len(f.ring)
	f.count--
	return v, true
}

package abci

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// TestAccounts: an account pays until it is empty, gains with time and no more than it
// holds, and is charged all at once with others or not at all.
func TestAccounts(t *testing.T) {
	now := time.Unix(1000, 0)
	a := newAccounts(func() time.Time { return now })
	take := func(units uint64, want time.Duration, payers ...string) {
		t.Helper()
		if got := a.take(payers, units); got != want {
			t.Errorf("%v pay %d: wait %s, want %s", payers, units, got, want)
		}
	}
	take(accountUnits-100, 0, "a")
	take(100, 0, "a")
	take(1, time.Second/accountRefill, "a")
	take(accountRefill, time.Second, "a")
	take(accountRefill, 0, "b") // has one of its own
	now = now.Add(time.Second)
	take(accountRefill, 0, "a")
	take(1, time.Second/accountRefill, "a")
	a.payBack([]string{"a"}, 50)
	take(50, 0, "a")
	// A clock that goes back gives nothing and takes nothing.
	now = now.Add(-time.Hour)
	take(1, time.Second/accountRefill, "a")
	now = now.Add(2 * time.Hour)
	// Two share; if one can't, the other isn't charged.
	take(2*accountUnits, 0, "a", "c")
	take(2, time.Second/accountRefill, "a", "d")
	take(accountUnits, 0, "d")
	// What is larger than any account takes a full one, and is paid for to the last unit.
	const full = accountUnits / accountRefill * time.Second
	take(10*accountUnits, 0, "e")
	take(1, 9*full+time.Second/accountRefill, "e")
	take(10*accountUnits, 10*full, "e")
	now = now.Add(9 * full)
	take(1, time.Second/accountRefill, "e")
	now = now.Add(full - time.Second/accountRefill)
	take(accountUnits+1, time.Second/accountRefill, "e")
	now = now.Add(time.Second / accountRefill)
	take(accountUnits+1, 0, "e")
	take(1, 2*time.Second/accountRefill, "e")
	a.payBack([]string{"e"}, accountUnits+1)
	take(accountUnits, 0, "e")
	// Two share what is larger too.
	take(4*accountUnits, 0, "f", "g")
	take(1, full+time.Second/accountRefill, "f")
	take(1, full+time.Second/accountRefill, "g")
	// Paying back fills no more than an account, and opens none.
	a.payBack([]string{"b", "nobody"}, 10*accountUnits)
	take(accountUnits, 0, "b")
	take(1, time.Second/accountRefill, "b")
	if a.open["nobody"] != nil {
		t.Error("paying back opened an account")
	}
	checkAccounts(t, a)
}

// checkAccounts checks that the accounts are those that are not full, and in order.
func checkAccounts(t *testing.T, a *accounts) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.open) != len(a.next) || len(a.open) > maxAccounts {
		t.Fatalf("%d accounts, %d in order", len(a.open), len(a.next))
	}
	for i, c := range a.next {
		if a.open[c.payer] != c || c.place != i || c.fullAt <= a.age || i > 0 && c.fullAt < a.next[(i-1)/2].fullAt {
			t.Fatalf("account %d of %d: %+v", i, len(a.next), c)
		}
	}
}

// TestDebtsAreNotForgotten: a payer who has taken more than the account holds waits until it
// has refilled, whatever names are used meanwhile. When there is no room for one more name, it waits
// for another account to be full.
func TestDebtsAreNotForgotten(t *testing.T) {
	now := time.Unix(1000, 0)
	a := newAccounts(func() time.Time { return now })
	const debt = 10 * accountUnits
	if a.take([]string{"debtor"}, debt) != 0 {
		t.Fatal("a full account doesn't pay")
	}
	names, refused := 0, 0
	name := func() string { names++; return fmt.Sprint("name ", names) }
	for range maxAccounts + 10 {
		if wait := a.take([]string{name()}, 1); wait == unitGain {
			refused++
		} else if wait != 0 {
			t.Fatalf("wait %s", wait)
		}
	}
	if refused != 11 {
		t.Errorf("%d have no account", refused)
	}
	checkAccounts(t, a)
	if wait := a.take([]string{"debtor"}, 1); wait != (debt-accountUnits+1)*unitGain {
		t.Errorf("the debtor waits %s", wait)
	}
	if wait := a.take([]string{"name 1", name()}, 2); wait != unitGain {
		t.Errorf("two, one of whom has an account, wait %s", wait)
	}
	if wait := a.take([]string{"name 1"}, 1); wait != 0 {
		t.Errorf("who has one waits %s", wait)
	}
	// The others are full and forgotten.
	now = now.Add(unitGain)
	if wait := a.take([]string{name()}, 1); wait != 0 || len(a.open) != 3 {
		t.Errorf("one more waits %s beside %d", wait, len(a.open))
	}
	if wait := a.take([]string{"debtor"}, 1); wait != (debt-accountUnits)*unitGain {
		t.Errorf("the debtor waits %s", wait)
	}
	now = now.Add(debt * unitGain)
	a.payBack(nil, 0)
	if len(a.open) != 0 {
		t.Errorf("%d accounts are left", len(a.open))
	}
}

// TestAccountsModel compares the accounts with buckets that are all remembered.
func TestAccountsModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	now := time.Unix(1000, 0)
	a := newAccounts(func() time.Time { return now })
	left := make(map[string]time.Duration) // of being full
	for range 20_000 {
		step := time.Duration(rng.IntN(200)) * time.Millisecond
		now = now.Add(step)
		for p := range left { // order does not matter
			left[p] = max(0, left[p]-step)
		}
		payers := []string{fmt.Sprint(rng.IntN(40)), fmt.Sprint(40 + rng.IntN(40))}[:1+rng.IntN(2)]
		units := uint64(rng.IntN(100)) * uint64(rng.IntN(100))
		each := time.Duration(units) * unitGain / time.Duration(len(payers))
		if rng.IntN(3) == 0 {
			a.payBack(payers, units)
			for _, p := range payers {
				left[p] = max(0, left[p]-each)
			}
		} else {
			var want time.Duration
			for _, p := range payers {
				want = max(want, left[p]+min(each, accountUnits*unitGain)-accountUnits*unitGain)
			}
			if got := a.take(payers, units); got != want {
				t.Fatalf("%v pay %d: wait %s, want %s", payers, units, got, want)
			}
			for _, p := range payers {
				if want == 0 {
					left[p] += each
				}
			}
		}
		checkAccounts(t, a)
	}
}

package abci

import (
	"fmt"
	"testing"
	"time"
)

// TestAccounts: an account pays until it is empty, gains with time and no more than it
// holds, and is charged all at once with others or not at all.
func TestAccounts(t *testing.T) {
	now := time.Unix(1000, 0)
	a, err := newAccounts(func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
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
	if a.open.Contains("nobody") {
		t.Error("paying back opened an account")
	}
}

// TestAccountsAreBounded: a stranger with many names has no more accounts than there may
// be.
func TestAccountsAreBounded(t *testing.T) {
	a, err := newAccounts(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxAccounts + 10 {
		a.take([]string{fmt.Sprint(i)}, 1)
	}
	if a.open.Len() != maxAccounts {
		t.Errorf("%d accounts", a.open.Len())
	}
}

package main

import (
	"os"
	"strings"
	"testing"
)

// TestAttacksAreCounted: the README says how many attacks the story has.
func TestAttacksAreCounted(t *testing.T) {
	attacks := 0
	for _, s := range scenes() {
		if strings.HasPrefix(s.title, "Attack: ") {
			attacks++
		}
	}
	words := []string{"no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "a client and " + words[attacks] + " attacks"; !strings.Contains(string(readme), want) {
		t.Errorf("README.md does not say %q", want)
	}
}

package awssim

import (
	"strings"
	"testing"
)

func TestDigest(t *testing.T) {
	play := func(names ...string) *Cloud {
		c := New(Config{Clock: &frozen{}})
		for _, n := range names {
			c.Bootstrap(c.AccountID(), n, allowAll)
		}
		return c
	}
	one := play("a", "b")
	if one.Digest() != play("a", "b").Digest() {
		t.Error("the same account has two digests")
	}
	if one.Digest() == play("a").Digest() {
		t.Error("another account has the same digest")
	}
	found := false
	for key := range one.Objects() {
		found = found || strings.Contains(key, "/a")
	}
	if !found || len(one.Objects()) <= len(play("a").Objects()) {
		t.Errorf("objects: %v", one.Objects())
	}
}

// TestForeignObjects: another account's objects do not collide with ours.
func TestForeignObjects(t *testing.T) {
	c := New(Config{})
	c.Bootstrap(c.AccountID(), "a", allowAll)
	c.Bootstrap("999988887777", "a", allowAll)
	n := 0
	for key := range c.Objects() {
		if strings.HasPrefix(key, "999988887777/") {
			n++
		}
	}
	if n == 0 {
		t.Errorf("no object of the other account: %v", c.Objects())
	}
}

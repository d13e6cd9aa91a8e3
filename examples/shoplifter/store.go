package main

import (
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/sunco-go/sunco"
)

// connection is an installation and since when there is one.
type connection struct {
	sunco.Installation
	Since time.Time
}

// store keeps the connections in memory and in a file; see storefile.go. What it
// hands out is shared and not changed by anybody. Nothing counts before the file
// has it.
type store struct {
	path     string
	platform string // what the tokens are good for
	clientID string

	mu      sync.Mutex
	all     []connection      // by app, and those without an app yet; oldest first
	byKey   map[[32]byte]int  // index in all, by SHA-256 of a webhook's secret
	written [sha256.Size]byte // digest of the file as it was last seen
	create  bool              // there is no file yet
}

// put adds an installation, or replaces the one of the same app. One without an
// app is a token that nobody knows anything about yet. What it lacks is kept from
// the older one: the place, and the webhooks, which go on delivering.
func (s *store) put(in *sunco.Installation) error {
	fresh := connection{*in, time.Now().UTC().Truncate(time.Second)}
	return s.change(func(all []connection) []connection {
		for i, c := range all {
			if in.AppID != "" && c.AppID == in.AppID {
				if len(fresh.Webhooks) == 0 {
					fresh.Webhooks = c.Webhooks
				}
				if !located(&fresh.Installation) {
					fresh.Subdomain, fresh.LegacyRegion = c.Subdomain, c.LegacyRegion
				}
				if c.Generation() == fresh.Generation() {
					fresh.Since = c.Since
				}
				all[i] = fresh
				return all
			}
		}
		return append(all, fresh)
	})
}

// replace is put for an installation that was read before and changed since. It
// does nothing when there is another token by now, or none.
func (s *store) replace(in *sunco.Installation) error {
	return s.change(func(all []connection) []connection {
		for i, c := range all {
			if c.AppID == in.AppID && c.Generation() == in.Generation() {
				all[i].Installation = *in
				return all
			}
		}
		return nil
	})
}

// remove deletes the installation of a token, and reports whether there was one.
// A newer one of the same app stays.
func (s *store) remove(appID, generation string) (bool, error) {
	found := false
	err := s.change(func(all []connection) []connection {
		for i, c := range all {
			if c.AppID == appID && c.Generation() == generation {
				found = true
				return slices.Delete(all, i, i+1)
			}
		}
		return nil
	})
	return found && err == nil, err
}

// change applies f to a copy, writes it, and makes it count. Nothing happens when
// f returns nil.
func (s *store) change(f func([]connection) []connection) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := f(slices.Clone(s.all))
	if next == nil {
		return nil
	}
	if err := s.write(next); err != nil {
		return err
	}
	s.use(next)
	return nil
}

// use makes connections count that are in the file.
func (s *store) use(all []connection) {
	s.all, s.byKey = all, map[[32]byte]int{}
	for i, c := range all {
		for _, hook := range c.Webhooks {
			if !hook.Secret.IsZero() {
				s.byKey[sha256.Sum256([]byte(hook.Secret.Reveal()))] = i
			}
		}
	}
}

// get returns the connection of an app, or nil.
func (s *store) get(appID string) *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		if appID != "" && c.AppID == appID {
			return &c
		}
	}
	return nil
}

// byDigest returns the installation one of whose webhooks has the secret with
// this digest, or nil.
func (s *store) byDigest(digest [32]byte) *sunco.Installation {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.byKey[digest]
	if !found {
		return nil
	}
	in := s.all[i].Installation
	return &in
}

// list returns the connections, those without an app included.
func (s *store) list() []connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.all)
}

var errForeignChange = errors.New("somebody else changed the file since it was read; is another process using it?")

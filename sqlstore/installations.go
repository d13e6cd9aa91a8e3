package sqlstore

import (
	"context"
	"errors"
	"iter"

	"github.com/sunco-go/sunco"
)

var errNotYet = errors.New("sqlstore: not yet")

// FirstUse is the FirstUse of a [sunco.Installer].
func (s *Store) FirstUse(ctx context.Context, flowID string) (bool, error) { return false, errNotYet }

// Save is the Save of a [sunco.Installer].
func (s *Store) Save(ctx context.Context, in *sunco.Installation) error { return errNotYet }

// ByKey is the Lookup of a [sunco.EventHandler].
func (s *Store) ByKey(ctx context.Context, digest [32]byte) (*sunco.Installation, error) {
	return nil, errNotYet
}

// ForRemoval is the Lookup of a [sunco.RemovalHandler].
func (s *Store) ForRemoval(ctx context.Context, appID string) (*sunco.Installation, error) {
	return nil, errNotYet
}

// Delete is the OnRemoved of a [sunco.RemovalHandler].
func (s *Store) Delete(ctx context.Context, in *sunco.Installation) error { return errNotYet }

// Update stores what changed about an installation, while its generation is stored.
func (s *Store) Update(ctx context.Context, in *sunco.Installation) error { return errNotYet }

// Get returns the installation of an app, or nil without an error if there is none.
func (s *Store) Get(ctx context.Context, appID string) (*sunco.Installation, error) {
	return nil, errNotYet
}

// All yields every complete installation.
func (s *Store) All(ctx context.Context) iter.Seq2[*sunco.Installation, error] {
	return func(func(*sunco.Installation, error) bool) {}
}

// Unfinished yields the tokens whose installation is not complete.
func (s *Store) Unfinished(ctx context.Context) iter.Seq2[*sunco.Installation, error] {
	return func(func(*sunco.Installation, error) bool) {}
}

// Uninstall marks, revokes and deletes an installation.
func (s *Store) Uninstall(ctx context.Context, in *sunco.Installation) error { return errNotYet }

// Reseal seals with the first key what was sealed with another, and returns how many
// rows that were.
func (s *Store) Reseal(ctx context.Context) (int, error) { return 0, errNotYet }

// Maintain runs until ctx ends, and then returns nil.
func (s *Store) Maintain(ctx context.Context, webhook *sunco.Webhook) error { return errNotYet }

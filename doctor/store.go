package doctor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/sunco-go/sunco/sqlstore"
)

// checkStore looks at all rows.
func (r *run) checkStore(ctx context.Context) error {
	if r.Store == nil {
		return nil
	}
	var closed []error // the SealErrors
	_, err := count(r.Store.All(ctx), &closed)
	unfinished, unfinishedErr := count(r.Store.Unfinished(ctx), &closed)
	dead, deadErr := count(r.Store.Dead(ctx), &closed)
	oldest, oldestErr := r.Store.OldestWaiting(ctx)
	if err := errors.Join(err, unfinishedErr, deadErr, oldestErr); err != nil {
		return err
	}
	if unfinished > 0 {
		r.add("store-unfinished", fmt.Sprintf("Unfinished installations: %d.", unfinished),
			"Installing was interrupted after the token was saved. One that is in progress now counts, too.",
			"Run Maintain. One that stays needs help: let the doctor look at it.", nil)
	}
	if len(closed) > 0 {
		r.add("store-sealed", fmt.Sprintf("Rows that do not open: %d.", len(closed)),
			"They were sealed with a key that is not among those of New, or they were changed.",
			"Pass the old key to New, after the new one. A row that was changed comes back from a backup only, "+
				"or the customer installs again.", closed[0])
	}
	if dead > 0 {
		r.add("store-dead", fmt.Sprintf("Dead events: %d.", dead),
			"The function of Work failed ten times for each of them. Nobody was answered.",
			"Repair what failed, which Work's log tells, and call Retry or Discard for each event of Dead.", nil)
	}
	const late = 5 * time.Minute // longer than a few attempts take
	if waits := time.Since(oldest).Round(time.Second); !oldest.IsZero() && waits > late {
		r.add("store-waiting", fmt.Sprintf("The oldest event has waited for %v.", waits),
			"Work does not run, is too slow, or its function fails for this event.",
			"Run Work, with more workers, and look at its log.", nil)
	}
	return nil
}

// count counts rows, and sets aside those that do not open.
func count[T any](rows iter.Seq2[T, error], closed *[]error) (n int, err error) {
	for _, err := range rows {
		if _, ok := errors.AsType[*sqlstore.SealError](err); ok {
			*closed = append(*closed, err)
		} else if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

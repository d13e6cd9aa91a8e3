package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/sunco-go/sunco/doctor"
)

// report collects what was found, and prints it.
type report struct {
	options
	names    *names
	progress io.Writer

	mu      sync.Mutex
	results []result
}

// status returns the exit status.
func (r *report) status() int {
	status := healthy
	for _, one := range r.results {
		switch {
		case one.err != nil:
			return couldNotLook
		case len(one.findings) > 0:
			status = findings
		}
	}
	return status
}

func (r *report) print(out io.Writer) {
	if r.appID == "" {
		fmt.Fprintln(r.progress)
	}
	for _, one := range r.results {
		if r.json {
			r.printJSON(out, one)
		} else {
			r.printText(out, one)
		}
	}
	if !r.json && r.appID == "" {
		r.printSummary(out)
	}
}

// printJSON prints a line for programs.
func (r *report) printJSON(out io.Writer, one result) {
	type finding struct {
		Code  string `json:"code"`
		Seen  string `json:"seen"`
		Means string `json:"means"`
		Do    string `json:"do"`
		Error string `json:"error,omitempty"`
	}
	line := struct {
		Who      string    `json:"who"`
		Findings []finding `json:"findings"`
		Error    string    `json:"error,omitempty"`
	}{one.who, []finding{}, r.names.text(one.err)}
	for _, f := range one.findings {
		line.Findings = append(line.Findings, finding{f.Code, r.names.hide(f.Seen), f.Means, f.Do, r.names.text(f.Err)})
	}
	_ = json.NewEncoder(out).Encode(line) // texts can be encoded; where out fails there is nobody to tell
}

// printText prints for people, and of many customers only those who are not well.
func (r *report) printText(out io.Writer, one result) {
	if len(one.findings) == 0 && one.err == nil {
		if r.appID != "" {
			fmt.Fprintf(out, "%s: healthy\n", one.who)
		}
		return
	}
	fmt.Fprintf(out, "%s: %s\n", one.who, strings.Join(codes(one.findings), ", "))
	for _, f := range one.findings {
		fmt.Fprintf(out, "\n  %s\n    seen:  %s\n    means: %s\n    do:    %s\n", f.Code, r.names.hide(f.Seen), f.Means, f.Do)
		if f.Err != nil {
			fmt.Fprintf(out, "    error: %s\n", r.names.text(f.Err))
		}
	}
	if one.err != nil {
		fmt.Fprintf(out, "\n  could not look: %s\n", r.names.text(one.err))
	}
	fmt.Fprintln(out)
}

// printSummary prints how often each finding was made.
func (r *report) printSummary(out io.Writer) {
	count := map[string]int{}
	for _, one := range r.results {
		all := codes(one.findings)
		switch {
		case one.err != nil:
			all = append(all, "could not look")
		case len(all) == 0 && one.who != "store":
			all = append(all, "healthy")
		}
		for _, code := range slices.Compact(all) {
			count[code]++
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	for _, code := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(table, "%s\t%d\n", code, count[code])
	}
	_ = table.Flush()
}

func codes(all []doctor.Finding) []string {
	var codes []string
	for _, f := range all {
		codes = append(codes, f.Code)
	}
	return codes
}

// Checks a log's claims with the Go checksum database's own library, as a second opinion that
// shares no line with ours. Reads one JSON document on standard input, answers on standard output:
// one line a claim, "ok" or "no", in the order given.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Index, Size int64
	Leaf, Root  string
	Proof       []string
}

type consistency struct {
	From, To         int64
	FromRoot, ToRoot string
	Proof            []string
}

type opening struct {
	Vkey, Note string
	// Text that the note must hold; for checkpoints, also that the body parses as size and root.
	Text string
	Size int64
	Root string
}

type claims struct {
	Inclusions    []inclusion
	Consistencies []consistency
	Openings      []opening
	Entries       []struct{ Entry, Leaf string }
}

func hashOf(text string) (hash tlog.Hash, err error) {
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(bytes) != tlog.HashSize {
		err = fmt.Errorf("%d bytes", len(bytes))
	}
	copy(hash[:], bytes)
	return hash, err
}

func hashesOf(texts ...string) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(texts))
	for i, text := range texts {
		hash, err := hashOf(text)
		if err != nil {
			return nil, err
		}
		hashes[i] = hash
	}
	return hashes, nil
}

func (c inclusion) check() error {
	hashes, err := hashesOf(append([]string{c.Root, c.Leaf}, c.Proof...)...)
	if err != nil {
		return err
	}
	return tlog.CheckRecord(hashes[2:], c.Size, hashes[0], c.Index, hashes[1])
}

func (c consistency) check() error {
	hashes, err := hashesOf(append([]string{c.FromRoot, c.ToRoot}, c.Proof...)...)
	if err != nil {
		return err
	}
	return tlog.CheckTree(hashes[2:], c.To, hashes[1], c.From, hashes[0])
}

func (c opening) check() error {
	verifier, err := note.NewVerifier(c.Vkey)
	if err != nil {
		return err
	}
	opened, err := note.Open([]byte(c.Note), note.VerifierList(verifier))
	if err != nil {
		return err
	}
	if c.Text != "" && opened.Text != c.Text {
		return fmt.Errorf("another text")
	}
	if c.Root == "" {
		return nil
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[1] != strconv.FormatInt(c.Size, 10) || lines[2] != c.Root {
		return fmt.Errorf("another checkpoint")
	}
	return nil
}

func main() {
	var all claims
	if err := json.NewDecoder(os.Stdin).Decode(&all); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	answer := func(err error) {
		if err == nil {
			fmt.Println("ok")
		} else {
			fmt.Println("no")
		}
	}
	for _, c := range all.Inclusions {
		answer(c.check())
	}
	for _, c := range all.Consistencies {
		answer(c.check())
	}
	for _, c := range all.Openings {
		answer(c.check())
	}
	for _, c := range all.Entries {
		entry, err := base64.StdEncoding.DecodeString(c.Entry)
		if err == nil && tlog.RecordHash(entry).String() != c.Leaf {
			err = fmt.Errorf("another leaf hash")
		}
		answer(err)
	}
}

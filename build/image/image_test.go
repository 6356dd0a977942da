package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestTheArchiveIsAnOCIImageOfTheManager(t *testing.T) {
	index, reference := opened(t, archive)
	if err := validate.Index(index); err != nil {
		t.Error(err)
	}
	image, platform := only(t, index)
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	labels := map[string]string{
		"org.opencontainers.image.title":       "stytch-operator",
		"org.opencontainers.image.description": "Manages the SSO and SCIM connections of a Stytch B2B project from Kubernetes manifests",
		"org.opencontainers.image.version":     testVersion,
		"org.opencontainers.image.revision":    testRevision,
		"org.opencontainers.image.source":      "https://github.com/stytch-operator/stytch-operator",
		"org.opencontainers.image.licenses":    "Apache-2.0",
		"org.opencontainers.image.created":     "2023-11-14T22:13:20Z",
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for where, got := range map[string]map[string]string{
		"index": list.Annotations, "manifest": manifest.Annotations, "configuration": config.Config.Labels,
	} {
		if !maps.Equal(got, labels) {
			t.Errorf("the %s says %v, want %v", where, got, labels)
		}
	}
	got := fmt.Sprint(reference, platform, config.OS, config.Architecture, config.Config.User, config.Config.Entrypoint, config.Created.UTC().Format(time.RFC3339),
		list.MediaType, manifest.MediaType, manifest.Config.MediaType, manifest.Layers[0].MediaType)
	want := fmt.Sprint(testVersion, "linux/"+runtime.GOARCH, "linux", runtime.GOARCH, "65532:65532", []string{"/manager"}, "2023-11-14T22:13:20Z",
		types.OCIImageIndex, types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer)
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestARegistryGivesBackTheSameDigest(t *testing.T) {
	index, _ := opened(t, archive)
	want, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ref, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/stytch-operator:" + testVersion)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	stored, err := remote.Head(ref, remote.WithContext(t.Context()))
	if err != nil || stored.Digest != want {
		t.Errorf("it has %+v, want the digest %s: %v", stored, want, err)
	}
	beside, err := os.ReadFile(strings.TrimSuffix(archive, ".tar") + ".digest")
	if err != nil || string(beside) != want.String()+"\n" {
		t.Errorf("the file beside the archive says %q, want %s: %v", beside, want, err)
	}
}

func TestTheImageHoldsTheManagerItsDocumentAndRootsAndNothingElse(t *testing.T) {
	index, _ := opened(t, archive)
	image, _ := only(t, index)
	files := mutate.Extract(image)
	defer files.Close() //nolint:errcheck // it was only read
	got := map[string]string{}
	for r := tar.NewReader(files); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got[h.Name] = fmt.Sprintf("%s %d:%d %d", h.FileInfo().Mode(), h.Uid, h.Gid, h.ModTime.Unix())
	}
	want := map[string]string{}
	for mode, names := range map[string][]string{
		"drwxr-xr-x": {"etc", "etc/ssl", "usr", "usr/share", "usr/share/sbom"},
		"-rw-r--r--": {"etc/ssl/cert.pem", "usr/share/sbom/stytch-operator.spdx.json"},
		"-rwxr-xr-x": {"manager"},
	} {
		for _, name := range names {
			want[name] = mode + " 0:0 " + testCreated
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestWhatCannotBeAnImageIsRefused(t *testing.T) {
	out := filepath.Join(t.TempDir(), "image.tar")
	if _, err := (release{version: testVersion}).pack(out, []string{"go.mod"}); err == nil || !strings.Contains(err.Error(), "go.mod") {
		t.Errorf("a file that is no Go binary is answered with %v", err)
	}
	if _, err := (release{version: testVersion}).index([]image{{}, {}}); err == nil {
		t.Error("two images for one platform are taken")
	}
	for _, settings := range []map[string]string{
		{},
		{"GOOS": "linux", "GOARCH": "amd64", "CGO_ENABLED": "1"},
		{"GOOS": "darwin", "GOARCH": "arm64", "CGO_ENABLED": "0"},
	} {
		if platform, err := platformOf(settings); err == nil {
			t.Errorf("%v is taken for %s", settings, platform)
		}
	}
	for _, args := range [][]string{nil, {"-archive", out}, {"-archive", out, "-version", testVersion}, {"-version", testVersion, manager}} {
		if err := run(args, io.Discard); err == nil || !slices.Contains(strings.Fields(err.Error()), "usage:") {
			t.Errorf("%v is answered with %v", args, err)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("something was written")
	}
}

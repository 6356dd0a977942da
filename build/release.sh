#!/usr/bin/env bash
# Writes to dist/ what a release consists of: the image, manifests, the kustomize bases, the chart, the plugin of kubectl, and the sums of
# all. It depends on the tree and its arguments alone, so that a second run gives the same sums. "make release-artifacts" calls it.
#
#   build/release.sh VERSION IMAGE KUSTOMIZE DOWNLOADS PLATFORM...
#
# DOWNLOADS is the URL under which the files of dist/ will be; the plugin is for each PLATFORM, such as linux/amd64.
set -euo pipefail
umask 022
export LC_ALL=C TZ=UTC

version=$1 image=$2 kustomize=$3 downloads=$4 platforms=("${@:5}")
name=stytch-operator-$version

die() { echo "release: $*" >&2 && exit 1; }

# What has to be in the tree before: docs/releasing.md.
[[ $version =~ ^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$ ]] || die "VERSION is \"$version\", but must be like v1.2.3"
grep -q "^## $version\b" CHANGELOG.md || die "CHANGELOG.md has no section \"## $version\""
diff -r config/crd/bases "config/crd/released/$version" >&2 ||
  die "config/crd/released/$version does not hold the CRDs of this tree: run make release-crds VERSION=$version, and commit"
chart=charts/stytch-operator
{ grep -qx "version: ${version#v}" "$chart/Chart.yaml" && grep -qx "appVersion: $version" "$chart/Chart.yaml"; } ||
  die "$chart/Chart.yaml is not of the version ${version#v} with the appVersion $version"
[[ $downloads =~ ^https?://[a-zA-Z0-9._~:/+-]*[^/]$ ]] ||
  die "DOWNLOADS is \"$downloads\", but must be the URL under which the files of dist/ will be, without / at the end"

rm -rf dist
"${MAKE:-make}" --no-print-directory image plugin VERSION="$version"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The bases as users need them, with the image of this release.
base=$scratch/$name
mkdir "$base"
cp -R config/. "$base"
rm -rf "$base/crd/released"
find "$base" -name '*.go' -delete
sed -i "s|newName: .*|newName: $image|; s|newTag: .*|newTag: $version|" "$base/default/kustomization.yaml"

"$kustomize" build "$base/default" >dist/install.yaml
"$kustomize" build "$base/crd" >dist/crds.yaml
grep -q "image: $image:$version\$" dist/install.yaml || die "install.yaml does not have the image $image:$version"

# pack DIRECTORY NAME...: files and directories in a directory, without what this machine says of owners, modes and times.
pack() {
  tar --create --directory "$1" --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
    --mtime="@$SOURCE_DATE_EPOCH" "${@:2}" | gzip --no-name --best
}
pack "$scratch" "$name" >"dist/$name-config.tar.gz"

# The chart, with the image of this release, under the name that Helm gives packages.
cp -R "$chart" "$scratch"
sed -i "s|^  repository: .*|  repository: $image|" "$scratch/stytch-operator/values.yaml"
pack "$scratch" stytch-operator >"dist/stytch-operator-${version#v}.tgz"

# The plugin of kubectl: an archive for each platform, with the license that krew wants, and the manifest by which krew installs it.
cat >dist/stytch.yaml <<YAML
apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: stytch
spec:
  version: $version
  homepage: $(sed -n 's/^home: //p' "$chart/Chart.yaml")
  shortDescription: Plan, import and rotate Stytch connections
  description: |
    For people who work with the SSO and SCIM connections that the Stytch operator
    keeps as their manifests say. It shows what a manifest would change before it is
    applied, writes manifests of connections that exist, lists what needs a person,
    and takes SCIM tokens through their rotation.
  platforms:
YAML
for platform in "${platforms[@]}"; do
  os=${platform%/*} arch=${platform#*/} archive=kubectl-stytch-$version-${platform/\//-}.tar.gz
  built=bin/plugin/$platform
  cp LICENSE "$built"
  bin=kubectl-stytch$([[ $os != windows ]] || echo .exe)
  pack "$built" LICENSE "$bin" >"dist/$archive"
  cat >>dist/stytch.yaml <<YAML
  - selector:
      matchLabels:
        os: $os
        arch: $arch
    uri: $downloads/$archive
    sha256: $(sha256sum "dist/$archive" | cut -d ' ' -f 1)
    bin: $bin
YAML
done

(cd dist && sha256sum -- * >"$scratch/SHA256SUMS" && install -m 644 "$scratch/SHA256SUMS" .)
cat dist/SHA256SUMS

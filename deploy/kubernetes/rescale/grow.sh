#!/bin/sh
# One process more than there are, up to $MOST, unless the size was changed less than $PAUSE_S seconds ago.
set -eu

namespace=${NAMESPACE:?}
count=$(kubectl --namespace "$namespace" get statefulset/andon --output 'jsonpath={.spec.replicas}')
changed=$(kubectl --namespace "$namespace" get configmap/andon-size --output 'jsonpath={.metadata.annotations.andon/changed}')

if [ "$count" -ge "$MOST" ]; then
    echo "$count processes are all that are allowed"
elif [ "$(date +%s)" -lt $((${changed:-0} + PAUSE_S)) ]; then
    echo "the size was changed a while ago: wait and see"
else
    "$(dirname "$0")/rescale.sh" $((count + 1))
    kubectl --namespace "$namespace" annotate --overwrite configmap/andon-size "andon/changed=$(date +%s)"
fi

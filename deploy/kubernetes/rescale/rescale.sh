#!/bin/sh
# Change the number of processes: stop all, look whether the state is whole, start the new number.
#
#   deploy/kubernetes/rescale/rescale.sh N                        0 stops andon in order, 1 and more start it
#   NAMESPACE=plant-2 deploy/kubernetes/rescale/rescale.sh 4
#
# Readings wait in Kafka meanwhile, nothing is lost, and no sensor is called silent for it. If the check fails, nothing is
# started: the state is as it was. Needs kubectl with rights on statefulsets, configmaps, jobs and pods.
set -eu

count=${1:?how many processes? rescale.sh N}
namespace=${NAMESPACE:-andon}
wait=${WAIT:-300s}
here=$(dirname "$0")
selector=app.kubernetes.io/name=andon,app.kubernetes.io/component=detector

case $count in
    '' | *[!0-9]*) echo "rescale.sh: $count is no number" >&2; exit 2 ;;
esac

in_namespace() { kubectl --namespace "$namespace" "$@"; }

addresses=
number=0
while [ "$number" -lt "$count" ]; do
    addresses="$addresses${addresses:+;}andon-$number.andon:9465"
    number=$((number + 1))
done

echo "stopping all processes"
in_namespace scale statefulset/andon --replicas=0
in_namespace wait pods --selector "$selector" --for=delete --timeout="$wait" || true # none at all is an error to some
if [ -n "$(in_namespace get pods --selector "$selector" --output name)" ]; then
    echo "some processes don't stop: nothing was changed but the number of replicas, which is 0" >&2
    exit 1
fi

if [ "$count" -eq 0 ]; then
    echo "stopped. Start it again with: $0 N"
    exit 0
fi

echo "looking at the state"
image=$(in_namespace get statefulset/andon --output 'jsonpath={.spec.template.spec.containers[0].image}')
settings=$(in_namespace get statefulset/andon --output 'jsonpath={.spec.template.spec.volumes[?(@.name=="settings")].configMap.name}')
in_namespace delete job/andon-state --ignore-not-found
sed -e "s|image: andon\$|image: $image|" -e "s|name: andon-settings\$|name: $settings|" "$here/state-job.yaml" |
    in_namespace apply --filename -
if ! in_namespace wait job/andon-state --for=condition=complete --timeout="$wait"; then
    in_namespace logs job/andon-state >&2 || true
    echo "the state isn't whole, or couldn't be looked at: nothing was started" >&2
    exit 1
fi

echo "starting $count: $addresses"
in_namespace create configmap andon-size --from-literal "ADDRESSES=$addresses" --dry-run=client --output yaml |
    in_namespace apply --filename -
in_namespace scale statefulset/andon --replicas="$count"
in_namespace wait statefulset/andon --for="jsonpath={.status.readyReplicas}=$count" --timeout="$wait"
echo "$count processes are ready. Write the same number into your overlay: replicas, and size.env."
